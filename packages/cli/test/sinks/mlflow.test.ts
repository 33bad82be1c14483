import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MetricRow } from '@dawngrad/airl';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MlflowSink } from '../../src/sinks/mlflow/mlflow-sink.ts';
import { MlflowServer } from './mlflow-server.ts';

let folder: string;
let server: MlflowServer;
let trackingUri: string;
let notes: string[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-mlflow-'));
  server = new MlflowServer();
  trackingUri = await server.listen();
  notes = [];
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Tries again at once, and does not give up on a slow machine. */
const PATIENT = { request: 20_000, retry: 5, longestRetry: 20, close: 20_000 };
const IMPATIENT = { request: 100, retry: 5, longestRetry: 20, close: 150 };

let clockMs = 1_700_000_000_000;
function open(more: Partial<ConstructorParameters<typeof MlflowSink>[0]> = {}): MlflowSink {
  return new MlflowSink({
    trackingUri,
    authorization: undefined,
    experiment: 'sums',
    runName: 'a',
    parameters: { policy: { lr: 1e-4, lora: { rank: 0 } }, text: 'x'.repeat(400) },
    stateFile: join(folder, 'mlflow.json'),
    nowMs: () => ++clockMs,
    note: (text) => notes.push(text),
    patience: PATIENT,
    ...more,
  });
}

const rows = (from: number, to: number): MetricRow[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ step: from + i, loss: 1 / (from + i), kl: 0.5 }));
const points = (key: string): number[][] =>
  [...server.runs.values()].flatMap(({ metrics }) =>
    metrics.filter((metric) => metric.key === key).map(({ step, value }) => [step, value]),
  );

describe('MlflowSink', () => {
  it('files a run under its experiment, with its configuration and every value', async () => {
    const sink = open({ authorization: 'Bearer token' });
    sink.follow(rows(1, 1));
    for (const row of rows(2, 900)) sink.row(row);
    await sink.close('finished');
    expect(notes).toEqual([]);
    expect(server.experiments).toEqual(['sums']);
    expect([...server.authorizations]).toEqual(['Bearer token']);
    const run = server.runs.get('run-0')!;
    expect(run).toMatchObject({ name: 'a', status: 'FINISHED' });
    expect(Object.fromEntries(run.params)).toMatchObject({ 'policy.lr': '0.0001', 'policy.lora.rank': '0' });
    expect(points('loss')).toEqual(rows(1, 900).map(({ step, loss }) => [step, loss]));
    // Two values a row: many rows to a request.
    expect(server.requests).toBeLessThan(20);
  });

  it('goes on with the run of an earlier start, without sending a step twice, and catches up', async () => {
    const first = open();
    first.follow(rows(1, 4));
    await vi.waitFor(() => expect(points('loss')).toHaveLength(4));
    // Killed here; the run goes on from a checkpoint of step 2, and one row never reached the server.
    const second = open();
    second.follow(rows(1, 2));
    for (const row of rows(3, 6)) second.row(row);
    await second.close('stopped');
    expect(points('loss').map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...server.runs.values()].map(({ status }) => status)).toEqual(['KILLED']);
    await first.close('failed');
  });

  it('sends the steps again that a run has gone back over within a start, since they may differ', async () => {
    const sink = open();
    sink.follow([]);
    for (const row of rows(1, 3)) sink.row(row);
    await vi.waitFor(() => expect(points('loss')).toHaveLength(3));
    sink.follow(rows(1, 1));
    sink.row({ step: 2, loss: 9 });
    await sink.close('finished');
    expect(points('loss')).toEqual([
      [1, 1],
      [2, 1 / 2],
      [3, 1 / 3],
      [2, 9],
    ]);
  });

  it('waits while the server has errors, and then sends all that it missed', async () => {
    server.trouble = 'error';
    const sink = open();
    sink.follow(rows(1, 2));
    await vi.waitFor(() => expect(server.requests).toBeGreaterThan(2));
    expect(notes).toEqual([
      expect.stringMatching(/mlflow: experiments\/get-by-name: TEMPORARILY_UNAVAILABLE; .*again/),
    ]);
    server.trouble = 'none';
    sink.row(rows(3, 3)[0]!);
    await sink.close('finished');
    expect(points('loss').map(([step]) => step)).toEqual([1, 2, 3]);
    expect(notes).toHaveLength(1);
  });

  it('neither waits for a server that hangs nor fails with it', async () => {
    server.trouble = 'hang';
    const sink = open({ patience: IMPATIENT });
    sink.follow(rows(1, 50));
    for (const row of rows(51, 100)) sink.row(row);
    await sink.close('finished');
    expect(notes.at(-1)).toBe('note: mlflow: 200 values were not sent; metrics.jsonl has them');
  });

  it.each([['refuse', 'PERMISSION_DENIED'] as const, ['page', 'HTTP 200'] as const])(
    'gives up after one note where the server will never take it: %s',
    async (trouble, said) => {
      server.trouble = trouble;
      const sink = open();
      sink.follow(rows(1, 1));
      await vi.waitFor(() => expect(notes).toHaveLength(1));
      for (const row of rows(2, 9)) sink.row(row);
      await sink.close('finished');
      expect(notes).toEqual([expect.stringMatching(new RegExp(`${said}; it gets no further metrics`))]);
      expect(server.requests).toBe(1);
    },
  );

  it('says so where no server is there', async () => {
    await server.close();
    const sink = open({ patience: IMPATIENT });
    sink.follow(rows(1, 1));
    await vi.waitFor(() => expect(notes).toEqual([expect.stringContaining('ECONNREFUSED')]));
    await sink.close('finished');
    expect(notes.at(-1)).toContain('2 values were not sent');
    server = new MlflowServer();
    await server.listen();
  });
});
