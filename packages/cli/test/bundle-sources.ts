import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface ProcessResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bundle {
  /** Runs a script, which may import the bundled entries as './<name>.mjs'. */
  readonly run: (script: string, args?: readonly string[], steps?: RunSteps) => Promise<ProcessResult>;
  readonly folder: string;
  readonly remove: () => void;
}

export interface RunSteps {
  /** Signals to send, each once its text has appeared in the output. */
  readonly signals?: readonly { readonly after: string; readonly signal: NodeJS.Signals }[];
}

/**
 * Bundles source files of the package, for tests that need a process of its own: Node cannot run the
 * sources. The folder lies inside the package, so that native dependencies resolve.
 */
export async function bundleSources(entries: Readonly<Record<string, string>>): Promise<Bundle> {
  const cli = fileURLToPath(new URL('..', import.meta.url));
  const folder = mkdtempSync(join(cli, 'node_modules', '.test-'));
  await build({
    absWorkingDir: cli,
    entryPoints: { ...entries },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['dawngrad-source'],
    external: ['webgpu', '@resvg/resvg-js', 'canvas'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  let scripts = 0;
  return {
    folder,
    run: (script, args = [], { signals = [] } = {}) => {
      const path = join(folder, `script-${scripts++}.mjs`);
      writeFileSync(path, script);
      return runProcess([path, ...args], [...signals]);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function runProcess(
  args: readonly string[],
  signals: { readonly after: string; readonly signal: NodeJS.Signals }[],
): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    const send = (): void => {
      while (signals.length > 0 && `${stdout}${stderr}`.includes(signals[0]!.after))
        child.kill(signals.shift()!.signal);
    };
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      send();
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      send();
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
