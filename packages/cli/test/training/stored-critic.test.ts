import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-warmup-'));
  await writeTinyModel(join(folder, 'model'));
  writeSums(join(folder, 'sums.jsonl'), 24);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A run of two rounds, with a critic of adapters. */
function train(name: string, ...more: readonly string[]) {
  return runMain(
    ...['train', 'irl', '--data', join(folder, 'sums.jsonl'), '--model', join(folder, 'model')],
    ...[`run.dir=${join(folder, name)}`, 'data.format=jsonl', 'data.max_prompt_tokens=16'],
    ...['data.max_completion_tokens=16', 'data.dev_fraction=0', 'train.max_steps=2', 'train.prompts_per_round=2'],
    ...['train.checkpoint_every_steps=1', 'train.keep_checkpoints=1', 'sampling.group_size=2', 'warmup.steps=2'],
    ...['warmup.samples_per_prompt=1', 'critic.updates_per_round=1', 'critic.lora.rank=2', 'policy.lora.rank=2'],
    ...more,
  );
}

const rowsOf = (name: string): Record<string, number>[] =>
  readFileSync(join(folder, name, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const updatesOf = (name: string): (number | undefined)[] => rowsOf(name).map((row) => row['disc/updates']);

describe('warmup.load_from', () => {
  it('starts a run as the critic that another kept from the end of its warm-up', async () => {
    const first = await train('first', 'warmup.keep=true');
    expect(first.code, first.err).toBe(0);
    expect(first.err).toContain('leakage: one surface feature alone');
    expect(first.err).toContain('verifier: not used to train');
    // One checkpoint is kept, and that of the warm-up with it.
    const kept = readdirSync(join(folder, 'first', 'ckpt')).filter((entry) => entry.startsWith('step-'));
    expect(kept.sort()).toEqual(['step-00000000', 'step-00000002']);
    expect(updatesOf('first')).toEqual([1, 2, 3, 4]);

    const from = `warmup.load_from=${join(folder, 'first')}`;
    const frozen = await train('frozen', from, 'critic.freeze=true', 'train.max_steps=1');
    expect(frozen.code, frozen.err).toBe(0);
    expect(frozen.err).toContain(`critic: as stored in ${join(folder, 'first', 'ckpt', 'step-00000000')}`);
    expect(updatesOf('frozen')).toEqual([0]);
    const weights = (name: string, step: string): string =>
      readFileSync(join(folder, name, 'ckpt', step, 'critic', 'score.safetensors'), 'hex');
    expect(weights('frozen', 'step-00000001')).toBe(weights('first', 'step-00000000'));

    const refused: [RegExp, ...string[]][] = [
      [/a critic trained with reward\.granularity=dense, got .*=sparse/, from, 'reward.granularity=dense'],
      [/critic\.lora\.rank: expected adapters of rank 2, .* got all weights/, from, 'critic.lora.rank=0'],
      [
        /critic\.lora\.rank: expected adapters of rank 2, .* got adapters of rank 4/,
        `critic.model=${join(folder, 'first')}`,
        'critic.lora.rank=4',
      ],
      [
        /critic\.lora\.rank: expected adapters of rank 2, .* got all weights/,
        `critic.model=${join(folder, 'first')}`,
        'critic.lora.rank=0',
        'critic.freeze=true',
      ],
      [/warmup\.keep=true/, `warmup.load_from=${join(folder, 'frozen')}`],
      [/a trained critic, with score\.safetensors/, `critic.model=${join(folder, 'model')}`, 'critic.freeze=true'],
    ];
    for (const [reason, ...overrides] of refused) {
      const { code, err } = await train('refused', ...overrides);
      expect(code, err).toBe(3);
      expect(err).toMatch(reason);
    }
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });

  it('names what is no such run before anything is written', async () => {
    for (const path of [join(folder, 'nowhere'), join(folder, 'model')]) {
      const { code, err } = await train('refused', `warmup.load_from=${path}`);
      expect(code, err).toBe(3);
      expect(err).toContain('warmup.load_from: expected a run of train irl, or one of its checkpoints');
    }
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });
});
