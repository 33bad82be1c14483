import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as airl from '@dawngrad/airl';
import * as autograd from '@dawngrad/autograd';
import * as models from '@dawngrad/models';
import * as tensor from '@dawngrad/tensor';
import type { PluginPackages } from './plugin.ts';

const { ToolError } = tensor;

/** A plugin's names, until it is disposed of. */
export interface LoadedPlugin {
  /** SHA-256 of the file. */
  readonly hash: string;
  [Symbol.dispose](): void;
}

const ENDINGS = ['.mjs', '.js', '.mts', '.ts'];
/** At the start of a line, and not of types, which are gone when the file runs. */
const IMPORTS_PACKAGE = /^import\s+(?!type\b)(?:[\w*{}\s,$]+\bfrom\s*)?['"](@dawngrad\/[\w/-]+)['"]/m;
const EXAMPLE = 'export default ({ airl, tensor }) => { airl.registerEstimator(...); }';

/**
 * Runs the code of a file that the user named, and keeps what it registered. Where anything is wrong with it, nothing of
 * it stays registered. Throws ToolError 'config' with the file.
 */
export async function loadPlugin(path: string): Promise<LoadedPlugin> {
  const text = readPlugin(path);
  const imported = IMPORTS_PACKAGE.exec(text)?.[1];
  if (imported !== undefined) {
    throw new ToolError('config', {
      op: path,
      expected: 'a plugin that takes the packages as its argument, which are those of this program',
      got: `an import of ${imported}, another copy of it`,
      hint: `write ${EXAMPLE}.`,
    });
  }
  // The hash makes Node read a file again that was changed since.
  const hash = createHash('sha256').update(text).digest('hex');
  const module = (await importFile(path, hash)) as { readonly default?: unknown };
  const { default: plugin } = module;
  if (typeof plugin !== 'function') {
    throw new ToolError('config', {
      op: path,
      expected: 'a function as the default export',
      got: plugin === undefined ? 'no default export' : airl.kindOf(plugin),
      hint: `write ${EXAMPLE}.`,
    });
  }
  const registered: airl.Registration[] = [];
  const dispose = (): void => {
    for (const one of registered) one[Symbol.dispose]();
  };
  try {
    await (plugin as (packages: PluginPackages) => unknown)(packagesFor(registered));
  } catch (cause) {
    dispose();
    throw failed(path, 'a plugin that registers without an error', cause);
  }
  if (registered.length > 0) return { hash, [Symbol.dispose]: dispose };
  throw new ToolError('config', {
    op: path,
    expected: 'a plugin that registers something',
    got: 'one that registered nothing',
    hint: 'call registerEstimator, registerCriticLoss or registerDataset of its argument `airl`.',
  });
}

function readPlugin(path: string): string {
  if (!ENDINGS.includes(extname(path))) {
    throw new ToolError('config', {
      op: path,
      expected: `a plugin: a file ${ENDINGS.join(', ')}`,
      got: 'another ending',
    });
  }
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    const got = code === 'ENOENT' ? 'no such file (ENOENT)' : code === 'EISDIR' ? 'a folder' : code;
    throw new ToolError('config', { op: path, expected: 'a plugin, a file that can be read', got, cause });
  }
}

async function importFile(path: string, hash: string): Promise<unknown> {
  const url = pathToFileURL(resolve(path));
  url.searchParams.set('sha256', hash);
  try {
    return await import(url.href);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw new ToolError('config', {
        op: path,
        expected: 'JavaScript, or Node 22.18 or newer, which reads TypeScript',
        got: `TypeScript with Node ${process.versions.node}`,
        hint: 'write it as .mjs.',
        cause,
      });
    }
    throw failed(path, 'a plugin that can be loaded', cause);
  }
}

/** The packages, with functions that remember what is registered. */
function packagesFor(registered: airl.Registration[]): PluginPackages {
  const remember = (registration: airl.Registration): airl.Registration => {
    registered.push(registration);
    return registration;
  };
  return {
    tensor,
    autograd,
    models,
    airl: {
      ...airl,
      registerEstimator: (name, estimator) => remember(airl.registerEstimator(name, estimator)),
      registerCriticLoss: (name, objective) => remember(airl.registerCriticLoss(name, objective)),
      registerDataset: (name, dataset) => remember(airl.registerDataset(name, dataset)),
    },
  };
}

function failed(path: string, expected: string, cause: unknown): tensor.ToolError {
  if (cause instanceof ToolError) {
    const { op, expected: wanted, got, hint } = cause.detail;
    return new ToolError('config', {
      op: `${path}: ${op}`,
      expected: wanted,
      got,
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  const got = cause instanceof Error ? `${cause.name}: ${cause.message.split('\n')[0]}` : String(cause);
  return new ToolError('config', { op: path, expected, got, cause });
}
