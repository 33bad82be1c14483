import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * How to start Node so that it sees one adapter.
 *
 * @typedef {object} Launch
 * @property {string} node the executable to start: Node itself, or a wrapper that runs it on an unpacked C library
 * @property {Record<string, string>} env variables to set on top of the user's own
 */

/**
 * @typedef {object} ProbedAdapter
 * @property {string} name
 * @property {string} vendor
 * @property {string} architecture
 * @property {string} description
 * @property {boolean} software true for a driver that computes on the CPU
 */

/** @typedef {{ ok: true, adapter: ProbedAdapter } | { ok: false, reason: string }} ProbeResult */

const PROBE = fileURLToPath(new URL('./adapter-probe.mjs', import.meta.url));

/**
 * Tries a launch in a child process, because a driver can hang or take its process down.
 *
 * @param {Launch} launch
 * @param {NodeJS.ProcessEnv} env the user's environment, without any earlier choice in it
 * @param {number} [timeoutMs]
 * @returns {Promise<ProbeResult>}
 */
export function probeLaunch(launch, env, timeoutMs = 60_000) {
  return new Promise((resolve) => {
    execFile(
      launch.node,
      [PROBE],
      { env: { ...env, ...launch.env }, timeout: timeoutMs, killSignal: 'SIGKILL', encoding: 'utf8' },
      (error, stdout, stderr) => {
        const line = stdout.trim().split('\n').at(-1) ?? '';
        if (line.startsWith('{')) {
          resolve(JSON.parse(line));
          return;
        }
        if (error?.killed) {
          resolve({ ok: false, reason: `the driver gave no answer within ${timeoutMs / 1000} s` });
          return;
        }
        const ended = error?.signal ? `was ended by ${error.signal}` : `ended with code ${error?.code ?? 0}`;
        resolve({ ok: false, reason: `the probe ${ended}${firstError(stderr)}` });
      },
    );
  });
}

/** @param {string} stderr */
function firstError(stderr) {
  const lines = stderr.split('\n').map((line) => line.trim());
  const telling = lines.find((line) => /error|cannot|not found/i.test(line)) ?? lines.find((line) => line !== '');
  return telling ? `: ${telling.slice(0, 200)}` : '';
}
