import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { vi } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What a page of the docs did when its code ran. */
export interface PageRun<Exports> {
  /** The arguments of each console.log. */
  readonly printed: readonly (readonly unknown[])[];
  readonly exported: Exports;
  /** How many blocks of code the page has. */
  readonly blocks: number;
}

/** Runs the TypeScript blocks of a page in docs/ as one program, which imports as a file in `folder` would. */
export async function runPage<Exports = unknown>(
  name: string,
  folder = 'packages/autograd/test',
): Promise<PageRun<Exports>> {
  const page = readFileSync(join(root, 'docs', name), 'utf8');
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block!);
  const file = join(root, 'node_modules/.cache', `${name}-${process.pid}.mjs`);
  await build({
    stdin: { contents: blocks.join('\n'), resolveDir: join(root, folder), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['dawngrad-source'],
    external: ['webgpu'],
    outfile: file,
    logLevel: 'warning',
  });
  const printed: unknown[][] = [];
  vi.spyOn(console, 'log').mockImplementation((...values) => void printed.push(values));
  try {
    return { exported: (await import(file)) as Exports, printed, blocks: blocks.length };
  } finally {
    rmSync(file);
    vi.restoreAllMocks();
  }
}
