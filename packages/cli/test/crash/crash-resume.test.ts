import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleSources } from '../bundle-sources.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

/** `npm run test:crash`: every place of every trainer. Else so many of each. */
const ALL = process.env.DAWNGRAD_CRASH === 'all';
const LEAST_PLACES = 20;

let folder: string;
let bundle: Bundle;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-crash-'));
  await writeTinyModel(join(folder, 'model'));
  writeSums(join(folder, 'sums.jsonl'), 12);
  bundle = await bundleSources({ child: 'test/crash/crash-child.ts' });
});
afterAll(() => {
  bundle.remove();
  rmSync(folder, { recursive: true, force: true });
});

const ROUNDS = [
  'train.prompts_per_round=2',
  'sampling.group_size=2',
  'train.micro_batch_tokens=40',
  // Lengths differ, so that an untrained model has something to learn from.
  'reward.overlong_buffer_tokens=10',
];

/** Each with what it has beyond the others: whole weights, several updates on a round, adapters, a critic and replay. */
const TRAINERS: Readonly<Record<string, readonly [kind: string, ...settings: string[]]>> = {
  sft: ['sft', 'train.rows_per_step=4', 'train.micro_batch_tokens=40', 'train.keep_best=true', 'train.on_spike=skip'],
  'grpo with one update a round': ['grpo', ...ROUNDS, 'policy.kl_beta=0.1', 'policy.lora.rank=2'],
  'grpo with two updates a round': ['grpo', ...ROUNDS, 'policy.updates_per_round=2'],
  irl: [
    'irl',
    ...ROUNDS,
    'data.demonstrations=6',
    'warmup.steps=1',
    'warmup.samples_per_prompt=1',
    'critic.experts_per_update=2',
    'critic.policy_per_update=2',
    'critic.updates_per_round=2',
    'critic.lr=1e-2',
    'replay.rounds=1',
    'policy.lora.rank=2',
    'critic.lora.rank=2',
  ],
  ...(ALL ? { opsd: ['opsd', ...ROUNDS.slice(0, 3), 'policy.lora.rank=2'] } : {}),
};

const STEPS = 6;

async function start(
  name: string,
  dir: string,
  target: string,
  log = '',
): Promise<{ signal: string | null; code: number | null; stderr: string }> {
  const [kind, ...settings] = TRAINERS[name]!;
  return bundle.run(`import './child.mjs';`, [
    target,
    log,
    'train',
    kind,
    '--data',
    join(folder, 'sums.jsonl'),
    '--model',
    join(folder, 'model'),
    `run.dir=${dir}`,
    'run.resume=auto',
    'data.format=jsonl',
    'data.dev_fraction=0.2',
    'data.max_prompt_tokens=16',
    'data.max_completion_tokens=12',
    `train.max_steps=${STEPS}`,
    'train.checkpoint_every_steps=1',
    'train.keep_checkpoints=1',
    'policy.lr=1e-2',
    'eval.every_steps=2',
    'eval.prompts=2',
    ...settings,
  ]);
}

/** All that a run leaves, without what depends on the machine's mood: times, memory, launches. */
function outcome(dir: string): Record<string, string> {
  const rows = readFileSync(join(dir, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  const learned = rows.map((line) => {
    const entries = Object.entries(JSON.parse(line)).filter(([key]) => !/^(mem|perf|time)\/|^step_time$/.test(key));
    return JSON.stringify(entries);
  });
  const files: Record<string, string> = { 'metrics.jsonl': learned.join('\n') };
  if (existsSync(join(dir, 'samples.jsonl'))) files['samples.jsonl'] = readFileSync(join(dir, 'samples.jsonl'), 'utf8');
  for (const entry of readdirSync(join(dir, 'ckpt'), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // A manifest has the hashes of the files beside it, and names the checkpoint before, which a stop may add.
    if (!entry.isFile() || entry.name === 'manifest.json') continue;
    const bytes = readFileSync(path);
    files[path.slice(dir.length)] = createHash('sha256')
      .update(entry.name === 'state.json' ? withoutOffsets(bytes.toString()) : bytes)
      .digest('hex');
  }
  return files;
}

/** Metrics have times, whose digits are not always as many. */
function withoutOffsets(text: string): string {
  const { offsets, ...state } = JSON.parse(text);
  return JSON.stringify(state);
}

interface Place {
  readonly name: string;
  /** Checkpoints that are published, at most, before a process that goes on comes by: steps that it cannot redo. */
  readonly steps: number;
}

/** Places in the order of a whole run, each once; those after a step was saved come last. */
function placesOf(log: string): readonly Place[] {
  const names = [...new Set(readFileSync(log, 'utf8').trimEnd().split('\n'))];
  const published = names.indexOf('save rename ckpt/step');
  const stepsOf = (name: string): number => {
    if (names.indexOf(name) < published || !name.startsWith('save ')) return 0;
    // The best is of every second step at most; what is removed is the checkpoint before.
    return /best|remove/.test(name) ? 2 : 1;
  };
  return names
    .map((name) => ({ name, steps: stepsOf(name) }))
    .sort((a, b) => Number(a.steps > 0) - Number(b.steps > 0));
}

/** As many of the places as asked for: all of the loop's, and of the calls of a save some from its start to its end. */
function spread(places: readonly Place[], count: number): readonly Place[] {
  const calls = places.filter(({ name }) => name.startsWith('save '));
  const loop = places.filter(({ name }) => !name.startsWith('save '));
  const wanted = Math.max(0, count - loop.length);
  const chosen = new Set(Array.from({ length: wanted }, (_, i) => calls[Math.floor((i * calls.length) / wanted)]));
  return places.filter((place) => loop.includes(place) || chosen.has(place));
}

/** Kills a run at one place after another, lets it end, and compares. Two at a time: a machine has that many cores. */
async function killAndCompare(name: string): Promise<void> {
  const label = name.replaceAll(' ', '-');
  const log = join(folder, `${label}.log`);
  const whole = join(folder, `${label}-whole`);
  const first = await start(name, whole, '-', log);
  expect(first.code, first.stderr).toBe(0);
  const expected = outcome(whole);

  const known = placesOf(log);
  const chosen = ALL ? known : spread(known, LEAST_PLACES);
  expect(chosen.length).toBeGreaterThanOrEqual(LEAST_PLACES);

  // In the handler of a signal first; then the others. Some move the run on, since a step is saved by then: it is
  // begun anew when there are no steps left.
  let dir = join(folder, `${label}-killed-0`);
  let runs = 1;
  let moved = 0;
  const kill = async (target: string): Promise<void> => {
    const killed = await start(name, dir, target);
    expect(killed.signal, `${target}: ${killed.stderr}`).toBe('SIGKILL');
    // What a line leaves that was cut in two.
    if (existsSync(join(dir, 'metrics.jsonl'))) appendFileSync(join(dir, 'metrics.jsonl'), '{"step":');
  };
  const finish = async (): Promise<void> => {
    const last = await start(name, dir, '-');
    expect(last.code, last.stderr).toBe(0);
    expect(outcome(dir)).toEqual(expected);
  };
  await kill('SIGTERM:row@1:signal@1');
  for (const { name: place, steps } of chosen) {
    if (moved + steps >= STEPS) {
      await finish();
      dir = join(folder, `${label}-killed-${runs++}`);
      moved = 0;
    }
    await kill(`${place}@1`);
    moved += steps;
  }
  await finish();
}

describe('a run that is killed, gone on with, killed at the next place and so on, ends with the same bytes', () => {
  const names = Object.keys(TRAINERS);
  it.concurrent.each(names)('%s', { timeout: 1_800_000 }, (name) => killAndCompare(name));
});
