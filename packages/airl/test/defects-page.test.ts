import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const PACKAGES = new URL('../../', import.meta.url);
const page = readFileSync(new URL('../docs/defects.md', PACKAGES), 'utf8');
const rows = [...page.matchAll(/^\| (D\d+) +\|.*\| (.*?) +\|$/gm)].map(([, defect, tests]) => ({ defect, tests }));

describe('docs/defects.md', () => {
  it('has every defect that concerns training', () => {
    const numbers = [...Array.from({ length: 22 }, (_, i) => i + 1), 32, 33, 34, 35, 36];
    expect(rows.map(({ defect }) => defect)).toEqual(numbers.map((number) => `D${number}`));
  });

  it.each(rows)('names tests of $defect that are there', ({ defect, tests = '' }) => {
    const named = [...tests.replaceAll(/\([^)]*\)/g, '').matchAll(/`([^`]+)`/g)].map(([, path]) => path as string);
    const all = [...tests.matchAll(/`([^`]+)`/g)].map(([, path]) => path as string);
    expect(all.length).toBeGreaterThan(0);
    for (const path of all) {
      const text = readFileSync(new URL(path, PACKAGES), 'utf8');
      if (named.includes(path)) expect(text, path).toMatch(new RegExp(`\\b${defect}\\b`));
    }
  });
});
