import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openModelDirectory } from '@dawngrad/models/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleSources } from '../bundle-sources.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

/** Layers of the model of `writeTinyModel`. */
const TINY_LAYERS = 1;

let folder: string;
let model: string;
let data: string;
/** Rows of one answer, which a model learns within seconds. */
let easy: string;
/** A model that gives that answer now and then, so that an outcome reward has something to tell apart. */
let able: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-train-'));
  model = join(folder, 'model');
  data = join(folder, 'sums.jsonl');
  await writeTinyModel(model);
  writeSums(data, 40);
  easy = join(folder, 'easy.jsonl');
  const target = '<think>\nsum\n</think>\n<answer>\n3\n</answer>';
  const rows = Array.from({ length: 20 }, (_, i) => ({ prompt: `sum ${i} =`, target, answer: '3' }));
  writeFileSync(easy, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const run = join(folder, 'able');
  const steps = ['train.max_steps=22', 'eval.every_steps=22', 'policy.lr=3e-2'];
  const { code, err } = await runMain(...args('sft', run, `data.path=${easy}`, ...steps));
  expect(code, err).toBe(0);
  able = join(run, 'ckpt', 'step-00000022');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const METHODS = ['sft', 'grpo', 'irl'] as const;
type Method = (typeof METHODS)[number];

const SIZES: Readonly<Record<Method, readonly string[]>> = {
  sft: ['train.rows_per_step=4', 'policy.lr=1e-2'],
  grpo: ['train.prompts_per_round=2', 'sampling.group_size=4', 'policy.kl_beta=0.1', 'credit.scale=none'],
  irl: [
    'train.prompts_per_round=2',
    'sampling.group_size=2',
    'data.demonstrations=20',
    'warmup.steps=2',
    'warmup.samples_per_prompt=1',
    'critic.experts_per_update=4',
    'critic.policy_per_update=4',
    'critic.lr=1e-2',
    'replay.rounds=1',
  ],
};

/** Model and rows that a method starts from. */
function startOf(method: Method): { readonly model: string; readonly data: string } {
  return method === 'grpo' ? { model: able, data: easy } : { model, data };
}

/** The arguments of a run of ten steps. */
function args(method: Method, dir: string, ...more: string[]): string[] {
  const start = startOf(method);
  return [
    'train',
    method,
    '--data',
    start.data,
    '--model',
    start.model,
    `run.dir=${dir}`,
    'data.format=jsonl',
    'data.max_prompt_tokens=16',
    'data.max_completion_tokens=16',
    'train.max_steps=10',
    'train.checkpoint_every_steps=4',
    'eval.every_steps=5',
    'eval.prompts=2',
    ...SIZES[method],
    ...more,
  ];
}

function rowsOf(dir: string, file = 'metrics.jsonl'): Record<string, unknown>[] {
  return readFileSync(join(dir, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Every file of a folder, with its bytes in hexadecimal. */
function contents(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'hex')]));
}

function hash(dir: string, name = 'model.safetensors'): string {
  return createHash('sha256')
    .update(readFileSync(join(dir, 'ckpt', 'step-00000010', name)))
    .digest('hex');
}

describe.each(METHODS)('train %s', (method) => {
  it('leaves metrics, samples and checkpoints that are models', async () => {
    const dir = join(folder, `${method}-whole`);
    const { code, err } = await runMain(...args(method, dir));
    expect(code, err).toBe(0);
    expect(err).toContain('objective: ');
    expect(err).toContain('finished after step 10');
    const steps = rowsOf(dir).filter((row) => row.loss !== undefined);
    expect(steps.map((row) => row.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const evaluated = rowsOf(dir).filter((row) => row['eval/accuracy'] !== undefined);
    expect(evaluated.map((row) => row.step)).toEqual([0, 5, 10]);
    if (method !== 'sft') expect(rowsOf(dir, 'samples.jsonl')).toHaveLength(10 * (method === 'grpo' ? 4 : 2));
    if (method === 'grpo') expect(new Set(steps.map(({ reward }) => reward)).size).toBeGreaterThan(1);
    const open = await openModelDirectory(join(dir, 'ckpt', 'step-00000010'));
    expect(open.weights.names).toContain('model.embed_tokens.weight');
    if (method === 'irl') await openModelDirectory(join(dir, 'ckpt', 'step-00000010', 'critic'));
    const lock = JSON.parse(readFileSync(join(dir, 'config.lock.json'), 'utf8'));
    expect(lock.train.max_steps).toBe(10);
    const { starts } = JSON.parse(readFileSync(join(dir, 'env.json'), 'utf8'));
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(starts[0].dataHashes).toEqual({
      data: { [startOf(method).data]: sha256 },
      policy: { [join(startOf(method).model, 'manifest.json')]: sha256 },
    });
  });

  it('goes on with --resume after a finished run without doing anything', async () => {
    const dir = join(folder, `${method}-whole`);
    const before = readFileSync(join(dir, 'metrics.jsonl'), 'utf8');
    const { code, err } = await runMain(...args(method, dir), '--resume');
    expect(code, err).toBe(0);
    expect(readFileSync(join(dir, 'metrics.jsonl'), 'utf8')).toBe(before);
  });

  it('trains low-rank adapters and saves them in the layout of PEFT, which name their base', async () => {
    const dir = join(folder, `${method}-lora`);
    const lora = method === 'irl' ? ['policy.lora.rank=2', 'critic.lora.rank=2'] : ['policy.lora.rank=2'];
    const { code, err } = await runMain(...args(method, dir, ...lora));
    expect(code, err).toBe(0);
    const saved = join(dir, 'ckpt', 'step-00000010');
    for (const part of method === 'irl' ? ['', 'critic'] : ['']) {
      const { adapter } = await openModelDirectory(join(saved, part));
      expect(adapter!.config.baseModel).toBe(resolve(startOf(method).model));
      expect(adapter!.config.rank).toBe(2);
      expect(adapter!.factors.size).toBe(7 * TINY_LAYERS);
      for (const { b } of adapter!.factors.values()) {
        expect((await adapter!.file.readF32(b)).some((value) => value !== 0)).toBe(true);
      }
    }
    // It is a model that one can go on with.
    const again = await runMain(...args(method, `${dir}-again`, ...lora, `policy.model=${dir}`, 'train.max_steps=1'));
    expect(again.code, again.err).toBe(0);
    const wrong = await runMain(...args(method, `${dir}-wrong`, 'policy.lora.rank=3', `policy.model=${dir}`));
    expect(wrong.code).toBe(3);
    expect(wrong.err).toMatch(/policy\.lora\.rank.*expected 2.*got 3/s);
  });
});

describe('train', () => {
  it('irl starts from the policy and the critic of another run, which a frozen critic keeps', async () => {
    const start = join(folder, 'irl-whole');
    const dir = join(folder, 'irl-frozen');
    const frozen = [`critic.model=${start}`, 'critic.freeze_after_warmup=true', 'warmup.steps=0', 'train.max_steps=1'];
    const { code, err } = await runMain(...args('irl', dir, `policy.model=${start}`, ...frozen));
    expect(code, err).toBe(0);
    const head = (run: string, step: string): Buffer => {
      return readFileSync(join(run, 'ckpt', step, 'critic', 'score.safetensors'));
    };
    expect(head(dir, 'step-00000001').equals(head(start, 'step-00000010'))).toBe(true);
    const [row] = rowsOf(dir).filter(({ reward }) => reward !== undefined);
    expect(row!.reward).not.toBe(0);
  });

  it('refuses to go on with 3 where the run that it started from has moved on', async () => {
    const base = join(folder, 'base');
    const advance = async (steps: number): Promise<void> => {
      const { code, err } = await runMain(...args('irl', base, `train.max_steps=${steps}`));
      expect(code, err).toBe(0);
    };
    await advance(1);
    const once = ['train.max_steps=1'];
    const commands = {
      'policy.model': args('sft', join(folder, 'from-policy'), `policy.model=${base}`, ...once),
      'critic.model': args('irl', join(folder, 'from-critic'), `critic.model=${base}`, ...once),
    };
    for (const command of Object.values(commands)) {
      expect((await runMain(...command)).code).toBe(0);
      const { code, err } = await runMain(...command, '--resume');
      expect(code, err).toBe(0);
    }
    rmSync(base, { recursive: true });
    await advance(2);
    for (const [setting, command] of Object.entries(commands)) {
      const dir = join(folder, setting === 'policy.model' ? 'from-policy' : 'from-critic');
      const before = contents(dir);
      const { code, err } = await runMain(...command, '--resume');
      expect(code, err).toBe(3);
      expect(err).toContain(`${setting}: expected what the run started with`);
      expect(err).toContain('step-00000002');
      expect(err).toContain('start a new run in another run.dir');
      expect(contents(dir)).toEqual(before);
    }
  });

  it('sft ends with the weights that were best on the dev rows where asked to', async () => {
    const dir = join(folder, 'sft-best');
    const settings = ['train.max_steps=60', 'eval.every_steps=10', 'policy.lr=3e-2', 'eval.temperature=0.1'];
    const { code, err } = await runMain(...args('sft', dir, `data.path=${easy}`, 'train.keep_best=true', ...settings));
    expect(code, err).toBe(0);
    expect(err).toContain('weights: those that are best on the dev rows');
    const accuracies = rowsOf(dir).filter((row) => row['eval/accuracy'] !== undefined);
    const best = Math.max(...accuracies.map((row) => row['eval/accuracy'] as number));
    expect(best).toBeGreaterThan(0);
    const { step } = accuracies.findLast((row) => row['eval/accuracy'] === best)!;
    const name = readFileSync(join(dir, 'ckpt', 'best'), 'utf8').trimEnd();
    expect(name).toBe(`step-${String(step).padStart(8, '0')}`);
    const weights = (checkpoint: string): Buffer => {
      return readFileSync(join(dir, 'ckpt', checkpoint, 'model.safetensors'));
    };
    expect(weights('step-00000060').equals(weights(name))).toBe(true);
  });
});

describe('a run that is stopped by Ctrl-C', () => {
  let bundle: Bundle;
  beforeAll(async () => {
    bundle = await bundleSources({ main: 'src/main.ts' });
  });
  afterAll(() => bundle.remove());
  const spawnMain = (list: readonly string[], after?: string) =>
    bundle.run(
      `import { main } from './main.mjs'; process.exitCode = await main(process.argv.slice(2));`,
      list,
      after === undefined ? {} : { signals: [{ after, signal: 'SIGINT' }] },
    );

  it.each(METHODS)('of %s saves, exits with 130, and ends with the weights of an uninterrupted one', async (method) => {
    const dir = join(folder, `${method}-stopped`);
    // What is printed early: in a pipe the progress line comes once in five seconds.
    const stopped = await spawnMain(args(method, dir), method === 'irl' ? 'critic warm-up 2/2' : `${method}  `);
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(stopped.stderr).toContain('SIGINT: finishing this step and saving');
    expect(stopped.stderr).toMatch(/stopped after step \d+; go on with --resume/);
    const resumed = await spawnMain([...args(method, dir), '--resume']);
    expect(resumed.code, resumed.stderr).toBe(0);
    const whole = join(folder, `${method}-whole`);
    expect(hash(dir)).toBe(hash(whole));
    if (method === 'irl') expect(hash(dir, 'critic/score.safetensors')).toBe(hash(whole, 'critic/score.safetensors'));
    const stable = (row: Record<string, unknown>): unknown => [row.step, row.loss, row.reward, row['eval/accuracy']];
    expect(rowsOf(dir).map(stable)).toEqual(rowsOf(whole).map(stable));
  });
});
