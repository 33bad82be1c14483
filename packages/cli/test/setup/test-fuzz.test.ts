import { describe, expect, it } from 'vitest';
import { fuzzVariables } from '../../setup/test-fuzz.mjs';

describe('fuzzVariables', () => {
  it('takes 500 cases of every op by default', () => {
    expect(fuzzVariables([])).toEqual({ DAWNGRAD_FUZZ_SEED: '0', DAWNGRAD_FUZZ_CASES: '500' });
  });

  it('reruns exactly one case of a seed', () => {
    expect(fuzzVariables(['--op', 'gather', '--seed', '123'])).toEqual({
      DAWNGRAD_FUZZ_OP: 'gather',
      DAWNGRAD_FUZZ_SEED: '123',
      DAWNGRAD_FUZZ_CASES: '1',
    });
    expect(fuzzVariables(['--seed', '100', '--cases', '50'])).toMatchObject({ DAWNGRAD_FUZZ_CASES: '50' });
  });

  it.each([[['--ops', 'gather']], [['--seed', 'x']], [['--seed']], [['gather']]])('refuses %j', (args) => {
    expect(() => fuzzVariables(args)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('usage: npm run test:fuzz') }),
    );
  });
});
