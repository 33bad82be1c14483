import { SetupError } from './setup-error.mjs';
import { runTests } from './test-run.mjs';

const OPS = 'packages/tensor/test/ops/fuzz.test.ts';
const PROGRAMS = 'packages/autograd/test/random-programs.test.ts';
const DEFAULT_CASES = '500';
const USAGE = 'npm run test:fuzz -- [--op NAME | --programs] [--seed FIRST] [--cases COUNT]';

/**
 * The variables that the fuzz tests read, from the command line: many cases of every op, or with a seed that one.
 *
 * @param {readonly string[]} args
 * @returns {Record<string, string>}
 * @throws {SetupError} exit code 2 for an option that there is not
 */
export function fuzzVariables(args) {
  /** @type {Map<string, string>} */
  const options = new Map();
  for (let i = 0; i < args.length; i += 2) {
    const [name = '', value] = [args[i], args[i + 1]];
    const isNumber = name === '--seed' || name === '--cases';
    if ((name !== '--op' && !isNumber) || value === undefined || (isNumber && !/^\d+$/.test(value))) {
      throw new SetupError(`unexpected ${args.slice(i).join(' ')}; usage: ${USAGE}`, 2);
    }
    options.set(name, value);
  }
  const [op, seed, cases] = ['--op', '--seed', '--cases'].map((name) => options.get(name));
  return {
    ...(op === undefined ? {} : { DAWNGRAD_FUZZ_OP: op }),
    DAWNGRAD_FUZZ_SEED: seed ?? '0',
    DAWNGRAD_FUZZ_CASES: cases ?? (seed === undefined ? DEFAULT_CASES : '1'),
  };
}

/**
 * Fuzzes single ops and random programs of many ops.
 *
 * @param {string} root
 * @param {readonly string[]} args
 * @param {{ node: string, env: NodeJS.ProcessEnv }} target
 * @returns {Promise<number>} exit code
 */
export function fuzz(root, args, { node, env }) {
  const programs = args.includes('--programs');
  const variables = fuzzVariables(args.filter((arg) => arg !== '--programs'));
  if (programs && variables.DAWNGRAD_FUZZ_OP !== undefined) throw new SetupError(`usage: ${USAGE}`, 2);
  const files = programs ? [PROGRAMS] : variables.DAWNGRAD_FUZZ_OP === undefined ? [OPS, PROGRAMS] : [OPS];
  return runTests(root, files, { node, env: { ...env, ...variables } });
}
