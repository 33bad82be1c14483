import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModelDirectory } from '@dawngrad/models/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

let folder: string;
let model: string;
let data: string;
/** The same rows, of which the first five alone have a target. */
let some: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-baselines-'));
  model = join(folder, 'model');
  data = join(folder, 'sums.jsonl');
  await writeTinyModel(model);
  writeSums(data, 20);
  const lines = readFileSync(data, 'utf8').trim().split('\n');
  const rows = lines.map((line, i) => {
    const { target, ...row } = JSON.parse(line);
    return JSON.stringify(i < 5 ? { ...row, target } : row);
  });
  some = join(folder, 'some.jsonl');
  writeFileSync(some, rows.join('\n'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Row = Readonly<Record<string, number>>;

function rowsOf(run: string): Row[] {
  return readFileSync(join(folder, run, 'metrics.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

async function train(kind: string, run: string, ...more: string[]) {
  return runMain(
    'train',
    kind,
    '--data',
    data,
    '--model',
    model,
    `run.dir=${join(folder, run)}`,
    'data.format=jsonl',
    'data.dev_fraction=0',
    'data.max_prompt_tokens=16',
    'data.max_completion_tokens=16',
    'train.prompts_per_round=2',
    'sampling.group_size=2',
    'train.max_steps=2',
    ...more,
  );
}

describe('train opsd', () => {
  it('learns from the weights of its teacher, into a run folder like any other', async () => {
    const { code, err } = await train(
      'opsd',
      'opsd',
      `data.path=${some}`,
      'data.bad_rows=drop',
      'policy.lora.rank=2',
      'opsd.clip=[-0.5, 0.5]',
      'policy.lr=1e-2',
    );
    expect(code, err).toBe(0);
    expect(err).toContain('token weights: log-ratio of the starting policy with and without the expert in the prompt');
    expect(err).toContain('clipped to [-0.5, 0.5]\nverifier: not used to train\n');
    const steps = rowsOf('opsd').filter(({ loss }) => loss !== undefined);
    expect(steps.map(({ step }) => step)).toEqual([1, 2]);
    for (const row of steps) {
      expect(Math.abs(row['opsd/weight_mean']!)).toBeLessThanOrEqual(0.5);
      expect(row['opsd/weight_std']).toBeGreaterThan(0);
      expect(row.grad_norm).toBeGreaterThan(0);
    }
    const { adapter } = await openModelDirectory(join(folder, 'opsd', 'ckpt', 'step-00000002'));
    expect(adapter!.config.rank).toBe(2);
  });

  it('needs a target in every row, or to be told to leave out those without', async () => {
    const refused = await train('opsd', 'refused', `data.path=${some}`);
    expect(refused.code).toBe(3);
    expect(refused.err).toMatch(/some\.jsonl.*expected a target in every row.*15 of 20.*data\.bad_rows=drop/s);
    const none = join(folder, 'none.jsonl');
    writeFileSync(none, readFileSync(some, 'utf8').split('\n').slice(5).join('\n'));
    const empty = await train('opsd', 'empty', `data.path=${none}`, 'data.bad_rows=drop');
    expect(empty.code).toBe(3);
    expect(empty.err).toMatch(/none\.jsonl.*15 of 15.*expert traces/s);
  });
});

const WEIGHTS = {
  correctness: 2,
  xmlcount: 1,
  soft_format: 1,
  strict_format: 1,
  integer_answer: 1,
};

describe('train grpo with the rewards of the reference', () => {
  it('sums the functions by their weights, and logs each', async () => {
    const settings = Object.entries(WEIGHTS).map(([name, weight]) => `reward.functions.${name}=${weight}`);
    const { code, err } = await train('grpo', 'functions', ...settings, 'train.max_steps=1');
    expect(code, err).toBe(0);
    expect(err).toContain(
      'reward: 2 x correctness + 1 x soft_format + 1 x strict_format + 1 x integer_answer + 1 x xmlcount (by the numeric checker)',
    );
    const [row] = rowsOf('functions').filter(({ loss }) => loss !== undefined);
    const means = Object.keys(WEIGHTS).map((name) => row![`rewards/${name}/mean`]!);
    expect(means.every(Number.isFinite)).toBe(true);
    expect(row!.reward).toBeCloseTo(
      means.reduce((sum, mean) => sum + mean, 0),
      5,
    );
    expect(row!['rewards/tag_count/mean']).toBeUndefined();
  });

  it('refuses them beside the older weights', async () => {
    const both = await train('grpo', 'both', 'reward.functions.correctness=2', 'reward.format_weight=1');
    expect(both.code).toBe(3);
    expect(both.err).toMatch(/reward\.functions.*correctness=2.*Leave those two out/s);
    const unknown = await train('grpo', 'unknown', 'reward.functions.correctnes=2');
    expect(unknown.code).toBe(3);
    expect(unknown.err).toContain('Did you mean reward.functions.correctness?');
  });
});

const IRL = [
  'train.unlabelled_fraction=0',
  'negatives.per_expert=0',
  'warmup.samples_per_prompt=1',
  'critic.experts_per_update=4',
  'critic.policy_per_update=4',
  'critic.lr=1e-2',
];

/** SHA-256 of the files of a critic in a checkpoint. */
function criticHash(run: string, step: number): string {
  const critic = join(folder, run, 'ckpt', `step-${String(step).padStart(8, '0')}`, 'critic');
  const hash = createHash('sha256');
  for (const name of ['model.safetensors', 'score.safetensors']) hash.update(readFileSync(join(critic, name)));
  return hash.digest('hex');
}

describe('train irl critic.loss=pairwise (GAD)', () => {
  it('trains on pairs alone: no relabelling, no corruption, no replay, U updates a round after W', async () => {
    const { code, err } = await train(
      'irl',
      'gad',
      ...IRL,
      'critic.loss=pairwise',
      'critic.updates_per_round=2',
      'warmup.steps=3',
    );
    expect(code, err).toBe(0);
    expect(err).toMatch(/critic: .*Bradley-Terry pairs.*3 warm-up updates, then 2 updates a round/);
    expect(err).toContain('clipped to [-5, 5]');
    expect(err).toContain('0.1 x k3 divergence');
    const rows = rowsOf('gad');
    expect(rows.map((row) => row['disc/updates'])).toEqual([1, 2, 3, 5, 7]);
    // The head starts at zero: every pair is a tie, which costs log 2 (T5).
    expect(rows[0]!['disc/loss']).toBeCloseTo(Math.LN2, 5);
    for (const row of rows) {
      for (const name of ['disc/corrupted', 'disc/stored', 'disc/replayed']) expect(row[name] ?? 0, name).toBe(0);
      expect(row['disc/on_policy']).toBe(4);
      expect(row['disc/relabelled'] ?? 0).toBe(0);
    }
    expect(rows.at(-1)!.grad_norm).toBeGreaterThan(0);
  });

  it('is refused with what pairs cannot have', async () => {
    const refused = async (...settings: string[]) => {
      const { code, err } = await train('irl', 'refused-gad', ...IRL, 'critic.loss=pairwise', ...settings);
      expect(code).toBe(3);
      return err;
    };
    expect(await refused('reward.granularity=dense')).toContain('reward.granularity');
    expect(await refused('negatives.per_expert=1')).toContain('negatives.per_expert');
    expect(await refused('replay.rounds=1')).toContain('replay.rounds');
  });
});

describe('train irl critic.freeze_after_warmup=true (fixed critic)', () => {
  it('rewards the policy by the critic of its warm-up, which it does not train again', async () => {
    const frozen = ['critic.freeze_after_warmup=true', 'warmup.steps=2', 'train.checkpoint_every_steps=1'];
    const own = await train('irl', 'fixed', ...IRL, ...frozen, 'train.keep_checkpoints=9');
    expect(own.code, own.err).toBe(0);
    expect(own.err).toContain('2 warm-up updates, then frozen');
    const rows = rowsOf('fixed');
    expect(rows.map((row) => row['disc/updates'])).toEqual([1, 2, 2, 2]);
    expect(rows.at(-1)!.reward).not.toBe(0);
    expect(criticHash('fixed', 0)).toBe(criticHash('fixed', 2));
  });
});
