import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../src/job.ts';
import type { Row } from '../src/row.ts';
import { runJobs } from '../src/run-jobs.ts';

let device: Awaited<ReturnType<typeof openDevice>>;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const job = (name: string, values: Partial<Job> = {}): Job => ({
  suite: 'kernels',
  name,
  isQuick: true,
  isLarge: false,
  run: async () => [{ name, params: {}, library: 'dawngrad', details: {} }],
  ...values,
});

test('a job that fails is told and counted, a large one is skipped with its reason, and all others have rows', async () => {
  const notes: string[] = [];
  const written: (readonly Row[])[] = [];
  const { rows, failures } = await runJobs(
    device,
    [
      job('first'),
      job('broken', { run: () => Promise.reject(new Error('no luck')) }),
      job('huge', { isLarge: true }),
      job('last'),
    ],
    {
      isQuick: true,
      isAll: false,
      origin: { adapter: 'a', driver: 'd', commit: 'c' },
      note: (text) => void notes.push(text),
      onRows: async (found) => void written.push(found),
    },
  );
  expect(rows.map(({ name }) => name)).toEqual(['first', 'last']);
  expect(rows[0]).toMatchObject({ suite: 'kernels', adapter: 'a', driver: 'd', commit: 'c', median_ms: null });
  expect(failures).toBe(1);
  expect(notes.join('\n')).toMatch(/broken failed: Error: no luck/);
  expect(notes.join('\n')).toMatch(/huge: skipped, large: runs with --all/);
  expect(written.map((found) => found.length)).toEqual([1, 1, 2, 2]);
});
