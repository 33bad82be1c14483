import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertDisjoint, createInverseRulesTask, METRICS } from '@dawngrad/airl';
import { readRows } from '@dawngrad/eval';
import { DecoderModel } from '@dawngrad/models';
import { findNewestCheckpoint, openModelDirectory } from '@dawngrad/models/node';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fullDemo } from '../../src/demo/demo-settings.ts';
import { main } from '../../src/main.ts';
import { freshDirectory } from '../../src/run/fresh-directory.ts';

const MODELS = ['base', 'grpo', 'r-airl', 'sft'];
let folder = '';

async function demo(name: string, ...args: string[]): Promise<{ code: number; out: string; err: string; dir: string }> {
  let out = '';
  let err = '';
  const dir = join(folder, name);
  const code = await main(['demo', '--tiny', '--dir', dir, ...args], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err, dir };
}

/** The folder of a stage's model. */
async function checkpoint(dir: string, name: string): Promise<string> {
  const { found } = await findNewestCheckpoint(join(dir, 'models', name));
  return found!.path;
}

let first: Awaited<ReturnType<typeof demo>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-demo-'));
  first = await demo('first');
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the demo', () => {
  it('runs every stage with a progress line and ends with a table and the place of the report', () => {
    expect(first.code).toBe(0);
    for (const stage of ['pretrain', 'sft', 'grpo', 'critic warm-up', 'irl', 'evaluate base', 'evaluate R-AIRL']) {
      expect(first.err).toContain(stage);
    }
    for (const policy of ['base', 'SFT', 'GRPO', 'R-AIRL']) expect(first.out).toMatch(new RegExp(`^${policy} `, 'm'));
    expect(first.out).toContain('learned reward');
    expect(first.out).toContain(join(first.dir, 'report.html'));
  });

  it('writes a page that loads nothing, with its tables, curves of every stage and all completions', () => {
    const page = readFileSync(join(first.dir, 'report.html'), 'utf8');
    expect(page).toContain("default-src 'none'; script-src 'sha256-");
    expect(page).not.toMatch(/src="|href="http/);
    for (const policy of ['base', 'SFT', 'GRPO', 'R-AIRL']) expect(page).toContain(`<th scope="row">${policy}</th>`);
    expect(page).toContain('R-AIRL here is verifier-free');
    expect(page).toContain('SFT samples, scored by R-AIRL critic, interval 5');
    expect(page.match(/data-block>/g)!.length).toBeGreaterThanOrEqual(4);
  });

  it('leaves models that load as Hugging Face folders, the critic of R-AIRL, and the rows of each policy', async () => {
    using device = await openDevice();
    for (const name of MODELS) {
      const open = await openModelDirectory(await checkpoint(first.dir, name));
      const model = await DecoderModel.load(device, open, { trainable: false });
      const sizes = model.weights.names.map((name) => model.weights.shape(name).reduce((size, dim) => size * dim, 1));
      expect(sizes.reduce((total, size) => total + size, 0)).toBeGreaterThan(100_000);
      model.dispose();
    }
    expect(readdirSync(join(await checkpoint(first.dir, 'r-airl'), 'critic'))).toContain('score.safetensors');
    for (const policy of ['base', 'sft', 'grpo', 'r-airl']) {
      const file = join(first.dir, `rows-${policy}.jsonl`);
      const rows = await readRows(readFileSync(file, 'utf8').trim().split('\n'), file);
      expect(rows).toHaveLength(8 * 4);
      expect(rows.every((row) => row.reward_model_score !== null)).toBe(true);
    }
  });

  it('logs metrics that are all in the dictionary', () => {
    const rows = readFileSync(join(first.dir, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(rows.length).toBeGreaterThan(20);
    const known = new Set([...Object.keys(METRICS), 'stage', 'schema']);
    for (const row of rows) expect(Object.keys(row).filter((key) => !known.has(key))).toEqual([]);
  });

  it('gives the same weights again for the same seed, and others for another', async () => {
    const [again, other] = [await demo('again'), await demo('other', '--seed', '2')];
    const weights = async (dir: string, name: string): Promise<string> =>
      readFileSync(join(await checkpoint(dir, name), 'model.safetensors')).toString('base64');
    for (const name of MODELS) {
      const expected = await weights(first.dir, name);
      expect((await weights(again.dir, name)) === expected, name).toBe(true);
      expect((await weights(other.dir, name)) === expected, name).toBe(false);
    }
  }, 120_000);

  it('refuses a seed that is none', async () => {
    const { code, err } = await demo('bad', '--seed', 'one');
    expect(code).toBe(2);
    expect(err).toMatch(/--seed: expected a whole number/);
    expect(existsSync(join(folder, 'bad'))).toBe(false);
  });
});

describe('the settings of the full demo', () => {
  it('never share a problem between demonstrations, dev and test', () => {
    const { seed, task } = fullDemo(1);
    const { demonstrations, dev, test } = createInverseRulesTask({ seed, setting: 'tool', ...task });
    const examples = (
      prompts: readonly { id: string; text: string; gold: string }[],
    ): { id: string; prompt: string; answer: string }[] =>
      prompts.map(({ id, text, gold }) => ({ id, prompt: text, answer: gold }));
    expect(() =>
      assertDisjoint({ train: examples(demonstrations), dev: examples(dev), test: examples(test) }),
    ).not.toThrow();
    expect([demonstrations.length, dev.length, test.length]).toEqual([100, 150, 200]);
  });
});

describe('freshDirectory', () => {
  it('takes the first name that holds nothing yet', () => {
    expect(readdirSync(first.dir).length).toBeGreaterThan(0);
    expect(freshDirectory(join(folder, 'nothing'))).toBe(join(folder, 'nothing'));
    expect(freshDirectory(first.dir)).toBe(`${first.dir}-2`);
  });
});
