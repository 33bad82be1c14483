import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

/**
 * Builds every package, the command's bundle last; what did not change comes from turbo's cache on this disk.
 *
 * @param {string} root
 * @param {(line: string) => void} log
 */
export async function build(root, log) {
  const turbo = join(root, 'node_modules/turbo/bin/turbo');
  const args = ['run', 'build', 'bundle', '--output-logs=errors-only', '--ui=stream', '--cache=local:rw'];
  const env = {
    ...process.env,
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    DO_NOT_TRACK: '1',
  };
  const { code, output } = await collect(process.execPath, [turbo, ...args], { cwd: root, env });
  if (code !== 0) throw new SetupError(`${output.trim()}\nThe build failed (above).`);
  const cached = /Cached:\s+(\d+) cached, (\d+) total/.exec(output);
  log(cached === null || cached[1] !== cached[2] ? 'built' : 'up to date');
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number, output: string }>}
 */
function collect(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
