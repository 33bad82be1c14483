import { fileURLToPath } from 'node:url';
import { NoAdapterError } from './choose-adapter.mjs';
import { driverEnvironment, driverReport, outerEnvironment, plainNode } from './driver-environment.mjs';
import { noAdapterMessage } from './install-advice.mjs';
import { runChild } from './run-child.mjs';
import { selectDriver } from './select-driver.mjs';
import { SetupError } from './setup-error.mjs';

/** @typedef {import('./driver-environment.mjs').DriverReport} DriverReport */

const BINARY = fileURLToPath(new URL('../bin/dawngrad.mjs', import.meta.url));
const GPU_VERBS = ['train', 'evaluate', 'demo', 'doctor', 'bench', 'generate', 'chat', 'logprobs', 'localise', 'study'];

/**
 * Whether a command line computes on the device; help and the rest start faster without looking for one.
 *
 * @param {readonly string[]} args
 */
export function needsAdapter(args) {
  if (['--help', '-h', '--dry-run'].some((flag) => args.includes(flag))) return false;
  const verb = args.find((arg, i) => !arg.startsWith('-') && args[i - 1] !== '--plugin');
  return verb !== undefined && GPU_VERBS.includes(verb);
}

/**
 * Whether this process was started for the adapter that its environment asks for.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function hasAdapter(env) {
  const report = driverReport(env);
  if (report === undefined || report.node !== process.execPath) return false;
  return !env.DAWNGRAD_GPU || env.DAWNGRAD_GPU === report.kind || report.kind === 'none';
}

/**
 * An executable and an environment in which a child sees the adapter.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} log
 * @returns {Promise<{ node: string, env: NodeJS.ProcessEnv, name: string, kind: string }>}
 * @throws {SetupError} with what to install, where there is no adapter
 */
export async function prepareAdapter(env, log) {
  const report = driverReport(env);
  const matches =
    report !== undefined && report.kind !== 'none' && (!env.DAWNGRAD_GPU || env.DAWNGRAD_GPU === report.kind);
  if (matches) return { node: report.node, env, name: report.name, kind: report.kind };
  const node = plainNode(env);
  const outer = outerEnvironment(env);
  try {
    const choice = await selectDriver({ node, env: outer, log });
    return {
      node: choice.launch.node,
      env: driverEnvironment(choice, outer, node),
      name: choice.name,
      kind: choice.kind,
    };
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error;
    throw new SetupError(noAdapterMessage(error.rejected, env.DAWNGRAD_GPU), 1, { cause: error });
  }
}

/**
 * Runs the `dawngrad` command in a process that sees the adapter.
 *
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} log
 * @param {(adapter: { name: string, kind: string }) => void} [onReady] told of the adapter before the command starts
 * @returns {Promise<number>} exit code
 */
export async function launch(args, env, log, onReady) {
  let target;
  try {
    target = await prepareAdapter(env, log);
    onReady?.(target);
  } catch (error) {
    // `doctor` is there to say what is wrong, so it runs all the same.
    const cause = error instanceof SetupError ? error.cause : undefined;
    if (!(cause instanceof NoAdapterError) || !args.includes('doctor')) throw error;
    const node = plainNode(env);
    const { rejected } = cause;
    const reason = noAdapterMessage(rejected, env.DAWNGRAD_GPU);
    /** @type {DriverReport} */
    const report = { kind: 'none', name: '', reason, rejected, node, plainNode: node, outer: {} };
    target = { node, env: { ...outerEnvironment(env), DAWNGRAD_DRIVER: JSON.stringify(report) } };
  }
  return runChild(target.node, [BINARY, ...args], { env: target.env });
}
