import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runMain } from './run-main.ts';
import { writeTinyModel } from './tiny-model.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
const PREFIX = 'npm run dawngrad -- ';

/** Sizes that take seconds, by verb: the README's own command lines run at the defaults. */
const SMALL = ['data.max_prompt_tokens=32', 'data.max_completion_tokens=16'];
const SMALL_TRAINING = ['train.max_steps=2', 'train.checkpoint_every_steps=2', 'eval.every_steps=2', 'eval.prompts=2'];
const SMALL_ROUNDS = ['train.prompts_per_round=2', 'sampling.group_size=2'];
const OVERRIDES: Readonly<Record<string, readonly string[]>> = {
  'train sft': [...SMALL, ...SMALL_TRAINING, 'train.rows_per_step=4'],
  'train grpo': [...SMALL, ...SMALL_TRAINING, ...SMALL_ROUNDS],
  'train irl': [...SMALL, ...SMALL_TRAINING, ...SMALL_ROUNDS, 'warmup.steps=2', 'warmup.samples_per_prompt=1'],
  evaluate: [...SMALL, 'eval.samples_per_prompt=2', 'data.max_rows=3'],
};

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-readme-'));
  await writeTinyModel(join(folder, 'model'));
  writeGsm8kSums(join(folder, 'train.jsonl'), 40);
  writeGsm8kSums(join(folder, 'test.jsonl'), 8);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes rows of different sums in the format of GSM8K, which is the default. */
function writeGsm8kSums(path: string, count: number): void {
  const rows = Array.from({ length: count }, (_, i) => {
    const [a, b] = [i % 13, (3 * i + Math.floor(i / 13)) % 17];
    return { question: `sum ${a} + ${b} =`, answer: `${a} + ${b} = ${a + b}\n#### ${a + b}` };
  });
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/** The arguments of a README line, with its paths in the test's folder. */
function argumentsOf(line: string): string[] {
  const args = [...line.slice(PREFIX.length).matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
  const placed = args.map((arg) =>
    arg
      .replace('path/to/model', join(folder, 'model'))
      .replace(
        /(^|=)(train\.jsonl|test\.jsonl|runs(?:\/[\w.]+)?)$/,
        (_, lead: string, path: string) => lead + join(folder, path),
      ),
  );
  const verb = args[0] === 'train' ? `${args[0]} ${args[1]}` : args[0]!;
  return [...placed, ...(OVERRIDES[verb] ?? [])];
}

describe('the README', () => {
  it('has no placeholder left', () => {
    expect(readme.match(/<!--.*/g)).toBeNull();
  });
});

describe('the code of the README', () => {
  it('runs and learns', async () => {
    const [, code] = /```ts\n([\s\S]*?)```/.exec(readme)!;
    const losses: number[] = [];
    vi.spyOn(console, 'log').mockImplementation((_step, loss) => void losses.push(loss as number));
    const file = join(root, 'node_modules/.cache', `readme-${process.pid}.mjs`);
    await build({
      stdin: { contents: code!, resolveDir: join(root, 'packages/cli'), loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['dawngrad-source'],
      external: ['webgpu'],
      outfile: file,
      logLevel: 'warning',
    });
    try {
      await import(file);
    } finally {
      rmSync(file);
      vi.restoreAllMocks();
    }
    expect(losses).toHaveLength(4);
    expect(losses.at(-1)!).toBeLessThan(0.01 * losses[0]!);
  });
});

describe('the commands of the README', () => {
  it('are those of the package, or dawngrad lines', () => {
    const scripts = (
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    ).scripts;
    expect(commands.length).toBeGreaterThan(6);
    for (const line of commands) {
      if (line.startsWith(PREFIX)) continue;
      const script = /^npm (?:run )?(\S+)/.exec(line)?.[1];
      expect(scripts, line).toHaveProperty(script ?? '');
    }
  });

  // In the order of the README: later lines use what earlier ones left.
  it.each(commands.filter((line) => line.startsWith(PREFIX)))('run: %s', async (line) => {
    const { code, err } = await runMain(...argumentsOf(line));
    expect(err).not.toMatch(/Error/);
    expect(err).not.toContain('rows over the token limits');
    expect(code, err).toBe(0);
  });
});
