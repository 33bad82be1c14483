import type { DecoderModel } from '@dawngrad/models';
import { packSequences } from '@dawngrad/models';
import { type Device, read, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proofread } from '../../../src/task/inverse-rules/proofread.ts';
import { TOKEN, VOCAB_SIZE } from '../../../src/task/inverse-rules/vocabulary.ts';
import { tinyPolicy, tinyTask } from '../../train/tiny-run.ts';

let device: Device;
let model: DecoderModel;
beforeAll(async () => {
  device = await openDevice();
  model = tinyPolicy(device);
});
afterAll(() => {
  model.dispose();
  device.close();
});

const { demonstrations } = tinyTask();

/** Log-odds of `ok` against `no` as the next token of one sequence, straight from the logits. */
async function logOdds(ids: readonly number[]): Promise<number> {
  return scopeAsync(async () => {
    const batch = packSequences(device, [Uint32Array.from(ids)]);
    const logits = (await read(model.logits(model.hidden(batch)))) as Float32Array;
    const last = (ids.length - 1) * VOCAB_SIZE;
    return logits[last + TOKEN.ok]! - logits[last + TOKEN.no]!;
  });
}

describe('proofread', () => {
  it('gives at each `;` what the model says after `<review>` and lines that were passed', async () => {
    const found = await proofread(model, demonstrations, 64);
    expect(found).toHaveLength(demonstrations.length);
    for (const [i, { promptIds, completionIds }] of demonstrations.slice(0, 3).entries()) {
      expect(found[i]!.map(({ token }) => token)).toEqual(
        Array.from({ length: (completionIds.length - 5) / 8 }, (_, line) => 8 * line + 7),
      );
      for (const { token, ok, no } of found[i]!) {
        const before = [...completionIds.slice(0, token)].map((id) => (id === TOKEN.semicolon ? TOKEN.ok : id));
        const expected = await logOdds([...promptIds.slice(0, -1), TOKEN.review, ...before]);
        expect(Math.abs(ok - no - expected)).toBeLessThan(1e-4);
        expect(Math.exp(ok) + Math.exp(no)).toBeLessThan(1);
      }
    }
  });

  it('does not depend on the size of the passes, and has nothing to say without a `;`', async () => {
    const { promptIds, completionIds } = demonstrations[0]!;
    const bare = { promptIds, completionIds: completionIds.filter((id) => id !== TOKEN.semicolon) };
    const traces = [...demonstrations, bare];
    const [small, large] = [await proofread(model, traces, 64), await proofread(model, traces, 4096)];
    expect(small.at(-1)).toEqual([]);
    small.flat().forEach((verdict, i) => {
      expect(Math.abs(verdict.ok - large.flat()[i]!.ok)).toBeLessThan(1e-4);
    });
  });
});
