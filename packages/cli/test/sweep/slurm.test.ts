import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJsonLines } from '../../src/read-run/read-json-lines.ts';
import { type Bundle, bundleSources } from '../bundle-sources.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';
import { type SlurmCluster, slurmObstacle, startSlurm } from './slurm-cluster.ts';

const obstacle = slurmObstacle();
const MAIN = `import { main } from './main.mjs';\nprocess.exitCode = await main(process.argv.slice(2));`;
const STEPS = 100;
const TEXT = { encoding: 'utf8' } as const;

interface Status {
  readonly label: string;
  readonly state: string;
  readonly attempts: readonly { readonly exitCode?: number; readonly job?: string }[];
}

describe.skipIf(obstacle !== undefined)(
  `a sweep on Slurm${obstacle === undefined ? '' : ` (skipped: ${obstacle})`}`,
  () => {
    let folder: string;
    let bundle: Bundle;
    let cluster: SlurmCluster;
    const outer = process.env.SLURM_CONF;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'dawngrad-sweep-'));
      const [started, built] = await Promise.all([
        startSlurm(),
        bundleSources({ main: 'src/main.ts' }),
        writeTinyModel(join(folder, 'model')),
      ]);
      writeSums(join(folder, 'sums.jsonl'), 12);
      cluster = started;
      bundle = built;
      process.env.SLURM_CONF = cluster.env.SLURM_CONF;
    });
    afterAll(async () => {
      if (outer === undefined) delete process.env.SLURM_CONF;
      else process.env.SLURM_CONF = outer;
      await cluster?.stop();
      bundle?.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    it('completes, puts back what is told to save, holds what waits for a failure and nothing else', async () => {
      const [path, dir] = [join(folder, 'sweep.yaml'), join(folder, 'out')];
      writeFileSync(
        path,
        `
name: small
axes: { seed: [1, 2] }
slurm: { gpus: 0, grace_s: 30, options: [--cpus-per-task=1] }
stages:
  sft:
    run: train sft
    set: { data.path: ${join(folder, 'sums.jsonl')}, policy.model: ${join(folder, 'model')}, data.format: jsonl,
      data.max_prompt_tokens: 16, data.max_completion_tokens: 12, train.max_steps: ${STEPS}, train.rows_per_step: 4 }
  look: { run: inspect, args: ["\${stages.sft.run}", --quick] }
  show: { run: config show sft, args: ["run.seed=\${axes.seed}"] }
  each: { run: config show grpo, args: ["run.name=\${stages.show.out}"] }
  bad: { run: ls, args: ["\${stages.show.folder}/rows"], only: { seed: 2 } }
  after_bad: { run: config show irl, after: [bad] }
  all: { run: config show irl, inputs: { each: { stage: each, gather: [seed] } }, args: ["run.name=\${inputs.each.run}"] }
`,
      );
      const submitted = await bundle.run(MAIN, ['sweep', path, '--engine', 'slurm', '--dir', dir]);
      expect(submitted.code, submitted.stderr).toBe(0);
      expect(submitted.stderr).toMatch(/^array (\d+): show, 2 jobs (?:.|\n)*: each, 2 jobs, after aftercorr:\1 /m);
      const jobs: Record<string, string> = JSON.parse(readFileSync(join(dir, 'jobs.json'), 'utf8'));
      expect(Object.keys(jobs)).toHaveLength(9);

      // Preempted in the middle of its steps.
      const rows = () => readJsonLines(join(dir, 'by-name', 'sft', 'metrics.jsonl')).rows;
      while (rows().length < 3) await sleep(50);
      const job = Object.entries(jobs).find(([id]) => id.startsWith('sft-'))?.[1] as string;
      expect(spawnSync('scancel', ['--batch', '--signal=TERM', job], TEXT)).toMatchObject({
        status: 0,
      });

      // Slurm lets a job that was put back wait for two minutes; not here.
      const reason = (): string =>
        spawnSync('squeue', ['--noheader', '--format=%r', `--jobs=${job}`], TEXT).stdout.trim();
      while (reason() !== 'BeginTime') await sleep(100);
      expect(spawnSync('scontrol', ['update', `JobId=${job}`, 'StartTime=now'], TEXT)).toMatchObject({ status: 0 });

      // While jobs are in the queue the sweep is theirs.
      const here = await bundle.run(MAIN, ['sweep', path, '--dir', dir]);
      expect(here.code).toBe(3);
      expect(here.stderr).toContain('whose jobs are in the queue of Slurm');

      const status = async (): Promise<Record<string, Status>> => {
        const { code, out, err } = await runMain('sweep', 'status', dir, '--json');
        expect(code, err).toBe(0);
        return Object.fromEntries((JSON.parse(out).stages as Status[]).map((stage) => [stage.label, stage]));
      };
      while (!['done', 'failed'].includes((await status()).look?.state ?? '')) await sleep(300);
      const stages = await status();
      expect(Object.fromEntries(Object.entries(stages).map(([label, { state }]) => [label, state]))).toEqual({
        sft: 'done',
        look: 'done',
        'show seed=1': 'done',
        'show seed=2': 'done',
        'each seed=1': 'done',
        'each seed=2': 'done',
        'bad seed=2': 'failed',
        'after_bad seed=2': 'held',
        all: 'done',
      });
      // It saved, was put back, and went on: each step is there once.
      expect(stages.sft?.attempts).toMatchObject([
        { exitCode: 143, job },
        { exitCode: 0, job },
      ]);
      const trained = rows().filter(({ loss }) => typeof loss === 'number');
      expect(trained.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
      expect((await runMain('sweep', 'logs', dir, 'bad')).out).toContain('expected a folder to look in');

      expect((await runMain('sweep', 'cancel', dir)).out).toBe('small: 1 job cancelled\n');
      const left = spawnSync('squeue', ['--noheader', '--states=PENDING,RUNNING'], TEXT);
      expect(left.stdout.trim()).toBe('');
    });
  },
);
