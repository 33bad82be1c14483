import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/main.ts';
import { RunDirectory } from '../../src/run/run-directory.ts';
import type { RunHooks } from '../../src/run/run-hooks.ts';
import { type MainResult, runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-checkpoints-'));
  await writeTinyModel(join(folder, 'model'));
  writeSums(join(folder, 'sums.jsonl'), 12);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function args(kind: 'sft' | 'irl', dir: string, ...more: string[]): string[] {
  return [
    'train',
    kind,
    '--data',
    join(folder, 'sums.jsonl'),
    '--model',
    join(folder, 'model'),
    `run.dir=${dir}`,
    'data.format=jsonl',
    'data.dev_fraction=0.2',
    'data.max_prompt_tokens=16',
    'data.max_completion_tokens=12',
    'eval.prompts=2',
    ...(kind === 'sft' ? ['train.rows_per_step=2'] : []),
    ...more,
  ];
}

async function withHooks(hooks: RunHooks, list: readonly string[]): Promise<MainResult> {
  let err = '';
  const print = (text: string): void => {
    err += text;
  };
  const code = await main(list, { out: print, err: print, hooks });
  return { code, out: '', err };
}

const checkpointsOf = (dir: string): string[] => readdirSync(join(dir, 'ckpt')).sort();
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));

describe('run.resume', () => {
  it('auto starts a run and goes on with it; what may change is told, kept and on record', async () => {
    const dir = join(folder, 'auto');
    const first = await runMain(...args('sft', dir, 'run.resume=auto', 'train.max_steps=2'));
    expect(first.code, first.err).toBe(0);
    const longer = await runMain(
      ...args('sft', dir, 'run.resume=auto', 'train.max_steps=3', 'train.keep_checkpoints=5'),
    );
    expect(longer.code, longer.err).toBe(0);
    expect(longer.err).toContain('changed since the run started: train.max_steps: 2 -> 3\n');
    expect(longer.err).toContain('changed since the run started: train.keep_checkpoints: 2 -> 5\n');
    expect(checkpointsOf(dir)).toContain('step-00000003');
    expect(json(dir, 'config.lock.json').train.max_steps).toBe(3);
    const { starts } = json(dir, 'env.json');
    expect(starts[1].changes).toContainEqual({ key: 'train.max_steps', was: 2, is: 3 });
    // The manifest says what it came from, and by which configuration.
    const manifest = json(dir, 'ckpt', 'step-00000003', 'manifest.json');
    expect(manifest).toMatchObject({ method: 'sft', step: 3, parent: 'step-00000002' });
    expect(manifest.configHash).not.toBe(json(dir, 'ckpt', 'step-00000002', 'manifest.json').configHash);
  });

  it('shows every setting that may not change, and changes nothing', async () => {
    const dir = join(folder, 'auto');
    const before = readFileSync(join(dir, 'config.lock.json'), 'utf8');
    const settings = ['run.seed=7', 'policy.lr=1', 'train.rows_per_step=3', 'optim.beta1=0.5', 'train.max_steps=9'];
    const { code, err } = await runMain(...args('sft', dir, 'run.resume=must', ...settings));
    expect(code).toBe(3);
    for (const line of [
      'run.seed: 42 -> 7',
      'policy.lr: 0.0001 -> 1',
      'train.rows_per_step: 2 -> 3',
      'optim.beta1: 0.9 -> 0.5',
    ]) {
      expect(err).toContain(`\n  ${line}\n`);
    }
    expect(err).toContain('train.max_steps: 3 -> 9 (this one may change)');
    expect(readFileSync(join(dir, 'config.lock.json'), 'utf8')).toBe(before);
  });

  it('is refused for a run that another process is at', async () => {
    const dir = join(folder, 'auto');
    using _held = RunDirectory.open({ path: dir, config: json(dir, 'config.lock.json'), resume: true });
    const { code, err } = await runMain(
      ...args('sft', dir, '--resume', 'train.max_steps=3', 'train.keep_checkpoints=5'),
    );
    expect(code).toBe(3);
    expect(err).toContain(`got one that process ${process.pid} on`);
  });

  it('goes on from an older checkpoint with --accept-fallback, and keeps the damaged one to look at', async () => {
    const dir = join(folder, 'auto');
    writeFileSync(join(dir, 'ckpt', 'step-00000003', 'training', 'state.json'), '{}');
    const again = ['--resume', 'train.max_steps=3', 'train.keep_checkpoints=5'];
    const refused = await runMain(...args('sft', dir, ...again));
    expect(refused.code).toBe(4);
    expect(refused.err).toMatch(
      /training\/state\.json: 2 bytes instead of \d+.*step-00000002 is whole: --accept-fallback sets/s,
    );
    const { code, err } = await runMain(...args('sft', dir, ...again, '--accept-fallback'));
    expect(code, err).toBe(0);
    expect(err).toContain('set aside as damaged-*, going on from step-00000002');
    expect(checkpointsOf(dir)).toEqual(expect.arrayContaining(['damaged-step-00000003', 'step-00000003']));
    expect(json(dir, 'ckpt', 'step-00000003', 'training', 'state.json').counters.step).toBe(3);
  });
});

describe('a run', () => {
  it('saves at once where the file save-now asks for it, and goes on', async () => {
    const dir = join(folder, 'save-now');
    let rows = 0;
    const at = (place: string): void => {
      if (place === 'row' && ++rows === 3) writeFileSync(join(dir, 'save-now'), '');
    };
    const list = args(
      'sft',
      dir,
      'train.max_steps=5',
      'eval.every_steps=50',
      'train.keep_checkpoints=9',
      'train.save_best=false',
    );
    const { code, err } = await withHooks({ at }, list);
    expect(code, err).toBe(0);
    // The first row is that of the evaluation before the first step.
    expect(checkpointsOf(dir)).toEqual(['latest', 'step-00000002', 'step-00000005']);
    expect(err).toContain('save-now: saving a checkpoint after this step, and going on.');
    expect(existsSync(join(dir, 'save-now'))).toBe(false);
  });

  it('leaves crash.json where it ends by an error of its own, and the next start takes it away', async () => {
    const dir = join(folder, 'crash');
    const at = (place: string): void => {
      if (place === 'row') throw new TypeError('a bug');
    };
    const list = args('sft', dir, 'train.max_steps=1');
    const { code, err } = await withHooks({ at }, list);
    expect(code).toBe(1);
    expect(err).toContain('This is a bug');
    expect(json(dir, 'crash.json')).toMatchObject({
      schema: 1,
      error: { name: 'TypeError', code: null, message: 'a bug' },
    });
    expect((await runMain(...list, '--resume')).code).toBe(0);
    expect(existsSync(join(dir, 'crash.json'))).toBe(false);
  });

  it('D13: the best of R-AIRL is policy and critic of one step, chosen on rows kept from training', async () => {
    const dir = join(folder, 'best');
    const small = [
      'data.demonstrations=6',
      'warmup.steps=1',
      'warmup.samples_per_prompt=1',
      'critic.updates_per_round=2',
    ];
    const rounds = ['train.prompts_per_round=2', 'sampling.group_size=2', 'train.max_steps=3', 'eval.every_steps=2'];
    const updates = ['critic.experts_per_update=2', 'critic.policy_per_update=2', 'train.keep_checkpoints=1'];
    const { code, err } = await runMain(...args('irl', dir, ...small, ...rounds, ...updates));
    expect(code, err).toBe(0);
    const best = readFileSync(join(dir, 'ckpt', 'best'), 'utf8').trim();
    const { counters, optimizers } = json(dir, 'ckpt', best, 'training', 'state.json');
    expect(best).toBe(`step-0000000${counters.bestStep}`);
    expect(counters.step).toBe(counters.bestStep);
    expect(optimizers).toEqual({ policy: counters.step, critic: 1 + 2 * counters.step });
    expect(existsSync(join(dir, 'ckpt', best, 'critic', 'score.safetensors'))).toBe(true);
    // The best one stays, whatever is kept of the others.
    expect(checkpointsOf(dir).filter((name) => name.startsWith('step-'))).toEqual([
      ...new Set([best, 'step-00000003']),
    ]);
    const evaluated = readFileSync(join(dir, 'metrics.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('eval/accuracy'));
    const accuracies = evaluated.map((line) => JSON.parse(line)).filter(({ step }) => step > 0);
    expect(counters.bestAccuracy).toBe(Math.max(...accuracies.map((row) => row['eval/accuracy'])));
  });
});
