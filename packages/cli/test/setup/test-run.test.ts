import { describe, expect, it } from 'vitest';
import { countsLine, countTests } from '../../setup/test-run.mjs';

const file = (status: string, tests: number) => ({ status, assertionResults: new Array<unknown>(tests).fill({}) });
const report = (passed: number, failed: number, skipped: number, testResults = [file('passed', passed)]) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: skipped,
  numTodoTests: 0,
  testResults,
});

describe('countTests', () => {
  it('counts what passed, failed and was skipped', () => {
    expect(countsLine(countTests(report(5, 2, 1), 1))).toBe('5 passed, 2 failed, 1 skipped');
    expect(countsLine(countTests(report(5, 0, 0), 0))).toBe('5 passed, 0 failed');
  });

  it('counts a file that could not be loaded as a failure', () => {
    expect(countTests(report(5, 0, 0, [file('passed', 5), file('failed', 0)]), 1).failed).toBe(1);
  });

  it('counts an error outside every test as a failure', () => {
    expect(countTests(report(5, 0, 0), 1).failed).toBe(1);
  });
});
