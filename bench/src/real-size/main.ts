import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ToolError } from '@dawngrad/tensor';
import { makeCheckpoint, writeRows } from './make-checkpoint.ts';
import { type ProcessResult, runGroup } from './process-group.ts';

const USAGE = 'node bench/dist/real-size/main.js [--folder FOLDER]';
const START = fileURLToPath(new URL('../../../packages/cli/setup/start.mjs', import.meta.url));

/** A verb of the command line on a model of a real size. */
interface Job {
  readonly name: string;
  readonly args: readonly string[];
  /** Its run folder, where it has one. */
  readonly run?: string;
}

function jobsOf(folder: string): Job[] {
  const model = join(folder, 'model');
  const rows = (name: string): string[] => [
    'data.format=jsonl',
    `data.path=${join(folder, name)}`,
    'data.dev_fraction=0',
  ];
  const run = (name: string): string => join(folder, 'runs', name);
  const lora = ['policy.lora.rank=8', 'train.gradient_checkpointing=true'];
  const sft = run('sft');
  const irl = run('irl');
  return [
    ...['stored', 'q8_0', 'nf4'].map((dtype) => ({
      name: `generate 16 tokens, weights ${dtype}`,
      args: [
        'generate',
        '--model',
        model,
        '--ids',
        '5,6,7,8',
        '--max-new-tokens',
        '16',
        '--temperature',
        '0',
        '--dtype',
        dtype,
        '--json',
      ],
    })),
    {
      name: 'train sft, one LoRA step of 128 tokens',
      run: sft,
      args: [
        'train',
        'sft',
        '--model',
        model,
        ...rows('long.jsonl'),
        `run.dir=${sft}`,
        'data.max_rows=1',
        'train.rows_per_step=1',
        'train.max_steps=1',
        ...lora,
      ],
    },
    {
      name: 'train irl, one step of 2 x 2 completions of 16 tokens',
      run: irl,
      args: [
        'train',
        'irl',
        '--model',
        model,
        ...rows('short.jsonl'),
        `run.dir=${irl}`,
        ...lora,
        'critic.lora.rank=8',
        'data.max_completion_tokens=16',
        'train.max_steps=1',
        'train.prompts_per_round=2',
        'sampling.group_size=2',
        'train.unlabelled_fraction=0',
        'warmup.steps=1',
        'warmup.samples_per_prompt=1',
        'critic.updates_per_round=1',
        'critic.experts_per_update=1',
        'critic.policy_per_update=1',
        'negatives.per_expert=0',
        'train.micro_batch_tokens=256',
      ],
    },
  ];
}

async function main(argv: readonly string[]): Promise<void> {
  const [flag, given, ...rest] = argv;
  if (rest.length > 0 || (flag !== undefined && (flag !== '--folder' || given === undefined))) {
    throw new ToolError('usage', { op: 'real-size', expected: USAGE, got: argv.join(' ') });
  }
  const folder = given === undefined ? await mkdtemp(join(tmpdir(), 'dawngrad-real-size-')) : resolve(given);
  await mkdir(folder, { recursive: true });
  try {
    if (!existsSync(join(folder, 'model'))) {
      process.stderr.write('writing 494,032,768 random weights in bf16, 988 MB\n');
      await makeCheckpoint(join(folder, 'model'));
    }
    await writeRows(folder);
    await rm(join(folder, 'runs'), { recursive: true, force: true });
    console.log('| what | wall s | loading | host peak GB | device peak GB |\n|---|---|---|---|---|');
    for (const job of jobsOf(folder)) {
      process.stderr.write(`${job.name} ...\n`);
      const result = await runGroup(process.execPath, [START, 'cli', ...job.args]);
      if (result.code !== 0) {
        throw new ToolError('failed', {
          op: job.name,
          expected: 'exit code 0',
          got: `${result.code}: ${result.stderr.slice(-2000)}`,
        });
      }
      console.log(await rowOf(job, result));
    }
  } finally {
    if (given === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function rowOf({ name, run }: Job, { seconds, peakBytes, stderr, stdout }: ProcessResult): Promise<string> {
  const loading = /loaded .*? in ([\d.]+ s \([\d.]+ GB\/s\))/.exec(stderr + stdout)?.[1] ?? 'n/a';
  const gigabytes = (bytes: number | undefined): string => (bytes === undefined ? 'n/a' : (bytes / 1e9).toFixed(2));
  const device = run === undefined ? undefined : await devicePeak(run);
  return `| ${name} | ${seconds.toFixed(1)} | ${loading} | ${gigabytes(peakBytes)} | ${gigabytes(device)} |`;
}

/** The largest peak that a run has logged, in bytes. */
async function devicePeak(run: string): Promise<number | undefined> {
  const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  const peaks = lines.map((line) => (JSON.parse(line) as Record<string, number>)['mem/peak_bytes'] ?? Number.NaN);
  const known = peaks.filter(Number.isFinite);
  return known.length === 0 ? undefined : Math.max(...known);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof ToolError ? error.message : String((error as Error)?.stack ?? error)}\n`);
  process.exitCode = error instanceof ToolError && error.code === 'usage' ? 2 : 1;
});
