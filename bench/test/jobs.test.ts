import { expect, test } from 'vitest';
import { parseArguments } from '../src/arguments.ts';
import { allJobs, selectJobs } from '../src/jobs.ts';
import { SUITES } from '../src/row.ts';

const jobs = allJobs('no-such-folder');
const select = (...argv: string[]) =>
  selectJobs(jobs, parseArguments(argv)).map(({ suite, name }) => `${suite}: ${name}`);

test('no two jobs of a suite share a name, so rows of two runs can be matched', () => {
  const names = select('--all');
  expect(new Set(names).size).toBe(names.length);
});

test.each([...SUITES])('the suite %s has cases, some of them quick', (suite) => {
  const all = select('--suite', suite);
  const quick = select('--suite', suite, '--quick');
  expect(all.length).toBeGreaterThan(0);
  expect(quick.length).toBeGreaterThan(0);
  expect(all).toEqual(expect.arrayContaining(quick));
  expect(all.every((name) => name.startsWith(`${suite}: `))).toBe(true);
});

test('a filter is found anywhere in a name, in any case of letters', () => {
  const chosen = select('--suite', 'kernels', '--filter', 'F32 nn');
  expect(chosen).toContain('kernels: matmul f32 NN 512x512x512');
  expect(chosen.every((name) => name.includes('f32 NN'))).toBe(true);
});

test('a case that is asked for by name runs with --quick too', () => {
  expect(select('--suite', 'kernels', '--quick', '--filter', 'NN 1024')).toEqual([
    'kernels: matmul f32 NN 1024x1024x1024',
  ]);
});

test('a filter that no name holds is a usage error that names the text and the suites', () => {
  expect(() => select('--suite', 'train', '--filter', 'no such case')).toThrow(
    /text that occurs in the name of a case of train, got no such case\. Hint: .*--suite train --list/,
  );
});
