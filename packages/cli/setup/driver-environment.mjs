import { realpathSync } from 'node:fs';
import { basename, delimiter, dirname } from 'node:path';

/** @typedef {import('./choose-adapter.mjs').Choice} Choice */
/** @typedef {import('./choose-adapter.mjs').Rejection} Rejection */
/** @typedef {import('./choose-adapter.mjs').DriverKind} DriverKind */

/**
 * What a process is told of the adapter that was chosen for it, as JSON in DAWNGRAD_DRIVER.
 *
 * @typedef {object} DriverReport
 * @property {DriverKind | 'none'} kind
 * @property {string} name the adapter's own name; '' where there is none
 * @property {string} reason
 * @property {Rejection[]} rejected
 * @property {string} node executable that sees the adapter; equals process.execPath in a process that was started right
 * @property {string} plainNode Node's own executable
 * @property {Record<string, string | null>} outer the user's own values of the variables that the choice replaced
 */

/**
 * The report in an environment, if it holds one.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {DriverReport | undefined}
 */
export function driverReport(env) {
  if (!env.DAWNGRAD_DRIVER) return undefined;
  try {
    const report = JSON.parse(env.DAWNGRAD_DRIVER);
    return typeof report === 'object' && report !== null && typeof report.node === 'string' ? report : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The environment for a child that shall see the chosen adapter, and whose own children shall too.
 *
 * @param {Choice} choice
 * @param {NodeJS.ProcessEnv} env the user's environment
 * @param {string} plainNode
 * @returns {NodeJS.ProcessEnv}
 */
export function driverEnvironment(choice, env, plainNode) {
  const { kind, name, reason, rejected, launch } = choice;
  /** @type {Record<string, string>} */
  const set = { ...launch.env };
  // Scripts that start `node` by name must start the wrapper as well.
  if (launch.node !== plainNode) set.PATH = `${dirname(launch.node)}${delimiter}${env.PATH ?? ''}`;
  const outer = Object.fromEntries(Object.keys(set).map((key) => [key, env[key] ?? null]));
  /** @type {DriverReport} */
  const report = { kind, name, reason, rejected, node: launch.node, plainNode, outer };
  return { ...env, ...set, DAWNGRAD_DRIVER: JSON.stringify(report) };
}

/**
 * The user's own environment, with a choice that was made further up taken out of it.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function outerEnvironment(env) {
  const { DAWNGRAD_DRIVER: _, ...outer } = env;
  for (const [key, value] of Object.entries(driverReport(env)?.outer ?? {})) {
    if (value === null) delete outer[key];
    else outer[key] = value;
  }
  return outer;
}

/**
 * Node's own executable, also in a process that runs on an unpacked C library.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function plainNode(env) {
  const report = driverReport(env);
  if (report !== undefined && process.execPath === report.node) return report.plainNode;
  // Started through a dynamic loader by hand: Node was told its own path as its first argument.
  if (basename(process.execPath).startsWith('ld-') && process.argv0.startsWith('/')) return realpathSync(process.argv0);
  return process.execPath;
}
