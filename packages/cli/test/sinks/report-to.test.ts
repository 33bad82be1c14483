import { channel } from 'node:diagnostics_channel';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MetricSinks } from '../../src/sinks/metric-sinks.ts';
import { TensorboardSink } from '../../src/sinks/tensorboard/tensorboard-sink.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';
import { MlflowServer } from './mlflow-server.ts';
import { readPoints } from './read-events.ts';

let folder: string;
/** Connections that this process has begun. */
let sockets = 0;
const count = (): void => {
  sockets++;
};
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-report-'));
  await writeTinyModel(join(folder, 'model'));
  writeSums(join(folder, 'sums.jsonl'), 12);
  channel('net.client.socket').subscribe(count);
});
afterAll(() => {
  channel('net.client.socket').unsubscribe(count);
  rmSync(folder, { recursive: true, force: true });
});

const train = (dir: string, ...more: string[]): ReturnType<typeof runMain> =>
  runMain(
    ...['train', 'sft', '--data', join(folder, 'sums.jsonl'), '--model', join(folder, 'model'), `run.dir=${dir}`],
    ...['data.format=jsonl', 'data.max_prompt_tokens=16', 'data.max_completion_tokens=16', 'data.dev_fraction=0'],
    ...['train.rows_per_step=2', 'train.checkpoint_every_steps=1', ...more],
  );

const metricsOf = (dir: string): Record<string, number>[] =>
  readFileSync(join(dir, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('run.report_to', () => {
  it('is nothing unless asked for: no file besides, and no connection of the process', async () => {
    const dir = join(folder, 'default');
    const before = sockets;
    const { code, err } = await train(dir, 'train.max_steps=1');
    expect(code, err).toBe(0);
    expect(sockets).toBe(before);
    expect(readdirSync(dir).sort()).toEqual(['ckpt', 'config.lock.json', 'env.json', 'metrics.jsonl', 'samples.jsonl']);
  });

  it('gives every sink the rows of metrics.jsonl, once each, also where a run goes back and on', async () => {
    const server = new MlflowServer();
    const uri = await server.listen();
    const dir = join(folder, 'both');
    const sinks = ['run.report_to=[tensorboard,mlflow]', `run.tracking_uri=${uri}`];
    const first = await train(dir, 'train.max_steps=2', ...sinks);
    expect(first.code, first.err).toBe(0);
    expect(sockets).toBeGreaterThan(0);
    // As if it had been killed after step 2 and before its checkpoint was there.
    rmSync(join(dir, 'ckpt', 'step-00000002'), { recursive: true });
    const second = await train(dir, 'train.max_steps=2', ...sinks, '--resume');
    expect(second.code, second.err).toBe(0);
    await server.close();

    const rows = metricsOf(dir);
    expect(rows.filter(({ loss }) => loss !== undefined).map(({ step }) => step)).toEqual([1, 2]);
    const points = readPoints(join(dir, 'tensorboard'));
    expect(points.map(({ step, values }) => ({ step, ...values }))).toEqual(
      rows.map(({ step, ...values }) => ({
        step,
        ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Math.fround(value)])),
      })),
    );
    const [run, ...others] = [...server.runs.values()];
    expect(others).toEqual([]);
    expect(run).toMatchObject({ name: 'both', status: 'FINISHED' });
    expect(run!.params.get('train.rows_per_step')).toBe('2');
    const sent = run!.metrics.filter(({ key }) => key === 'loss');
    expect(sent.map(({ step, value }) => [step, value])).toEqual(
      rows.flatMap(({ step, loss }) => (loss === undefined ? [] : [[step, loss]])),
    );
  });

  it('is refused before anything is written where the server has no address, or a sink is unknown', async () => {
    const dir = join(folder, 'refused');
    const without = await train(dir, 'run.report_to=[mlflow]');
    expect(without.code).toBe(3);
    expect(without.err).toContain('run.tracking_uri: expected the http or https address');
    for (const wrong of ['run.report_to=[wandb]', 'run.tracking_uri=ftp://x', 'run.report_to=[mlflow,mlflow]']) {
      const { code, err } = await train(dir, wrong);
      expect({ code, wrong }).toEqual({ code: 3, wrong });
      expect(err).toMatch(/one of tensorboard, mlflow|http or https|each name once/);
    }
    expect(readdirSync(folder)).not.toContain('refused');
  });
});

describe('MetricSinks', () => {
  it('leaves a sink that fails out, tells it once, and goes on with the others', async () => {
    const path = join(folder, 'rows.jsonl');
    writeFileSync(path, '');
    const blocked = join(folder, 'file');
    writeFileSync(blocked, '');
    const notes: string[] = [];
    const named = (name: string, dir: string) => ({ name, sink: new TensorboardSink(dir, () => 1e12) });
    const sinks = new MetricSinks(
      [named('blocked', join(blocked, 'in')), named('open', join(folder, 'open'))],
      path,
      (text) => notes.push(text),
    );
    for (const step of [1, 2]) {
      appendFileSync(path, `${JSON.stringify({ step, loss: step === 2 ? 'NaN' : 1 })}\n`);
      sinks.row({ step, loss: step === 2 ? Number.NaN : 1 });
    }
    sinks.truncated();
    await sinks.close('finished');
    expect(notes).toEqual([
      expect.stringMatching(/^note: blocked gets no further metrics: ENOTDIR.*metrics\.jsonl has/),
    ]);
    expect(readPoints(join(folder, 'open')).map(({ values }) => values.loss)).toEqual([1, Number.NaN]);
  });
});
