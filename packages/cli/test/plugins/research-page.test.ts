import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { main } from '../../src/main.ts';
import { writeTinyModel } from '../tiny-model.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const page = readFileSync(join(root, 'docs/research.md'), 'utf8');
const before = process.cwd();
let folder = '';

/** The page's files, the rows and the model that it takes as given. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-research-'));
  for (const [, name, text] of page.matchAll(/```(?:js|yaml)\n(?:\/\/|#) (\S+)\n([\s\S]*?)```/g)) {
    writeFileSync(join(folder, name!), text!);
  }
  mkdirSync(join(folder, 'models'));
  await writeTinyModel(join(folder, 'models/base'));
  writeChains('train.jsonl', 24);
  writeChains('test.jsonl', 6);
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

function writeChains(name: string, count: number): void {
  const rows = Array.from({ length: count }, (_, i) => {
    const [a, b] = [i % 9, (2 * i) % 7];
    return { problem: `sum ${a} + ${b} =`, steps: [`${b} + ${a} = ${a + b}`, `${a} + ${b} = ${a + b}`], result: a + b };
  });
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

it('runs every command line of docs/research.md', async () => {
  const lines = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
  const said = new Map<string, string>();
  for (const line of lines) {
    const [program, ...args] = line.split(' ');
    expect(program).toBe('dawngrad');
    const printed = { out: '', err: '' };
    const code = await main(args, {
      out: (text) => {
        printed.out += text;
      },
      err: (text) => {
        printed.err += text;
      },
      hooks: { at: () => undefined, skipsKernelTests: true },
    });
    expect({ line, code, err: code === 0 ? '' : printed.err }).toEqual({ line, code: 0, err: '' });
    said.set(args.slice(0, 2).join(' '), printed.out);
  }
  expect(said.size).toBeGreaterThanOrEqual(7);
  expect(said.get('config show')).toContain('estimator: median');
  const memory = JSON.parse(said.get('plan irl')!) as { phases: { name: string; peakBytes: number }[] };
  expect(memory.phases.some(({ name, peakBytes }) => name.includes('critic') && peakBytes > 0)).toBe(true);
  expect(said.get('data show')).toContain('<think>');
  expect(said.get('compare runs/usual-test')).toMatch(/hinge-test.*\n/);
  expect(
    said.get('sweep losses.yaml')?.match(/^irl loss=(bce|hinge) estimator=(group|median) seed=[123] /gm),
  ).toHaveLength(12);
  // The arm and its two variants.
  expect(said.get('study --plugin')).toMatch(/^ *11 +tool +irl, 3 parts /m);
  const loss = (run: string): string => readFileSync(join(folder, run, 'metrics.jsonl'), 'utf8');
  expect(loss('runs/hinge')).not.toBe(loss('runs/usual'));
  const environment = JSON.parse(readFileSync(join(folder, 'runs/hinge/env.json'), 'utf8'));
  expect(Object.keys(environment.starts[0].dataHashes.plugins)).toEqual([
    'chains.mjs',
    'median-baseline.mjs',
    'hinge-critic.mjs',
  ]);
});

it('runs the program of docs/research.md over its seeds', async () => {
  const outfile = join(root, 'node_modules/.cache', `research-${process.pid}.mjs`);
  await build({
    stdin: {
      contents: readFileSync(join(folder, 'compare-seeds.mjs'), 'utf8'),
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
      loader: 'js',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['dawngrad-source'],
    external: ['webgpu', 'canvas', '@resvg/resvg-js'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
    outfile,
    logLevel: 'warning',
  });
  const printed: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text));
  try {
    expect(existsSync(outfile)).toBe(true);
    await import(outfile);
  } finally {
    vi.restoreAllMocks();
    rmSync(outfile, { force: true });
  }
  expect(printed).toHaveLength(4);
  expect(printed[0]).toMatch(/^hinge and median over bce and group: -?\d+\.\d points of pass@1$/);
  expect(printed[3]).toMatch(/^problems: \d+ better, \d+ worse, \d+ equal; sign-flip p = [01]\.\d{3}$/);
});
