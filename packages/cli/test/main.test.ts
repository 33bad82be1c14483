import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { main } from '../src/main.ts';
import { type Bundle, bundleSources, type ProcessResult } from './bundle-sources.ts';

/** Runs a command line in this process. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const printed = { out: '', err: '' };
  const code = await main(args, {
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
  });
  return { code, ...printed };
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-main-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('help', () => {
  it('names every verb with an example', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    const verbs = [...out.matchAll(/^ {2}(\w+) /gm)].map(([, verb]) => verb as string);
    expect(verbs).toContain('doctor');
    for (const verb of verbs) expect(out, verb).toContain(`$ dawngrad ${verb}`);
  });

  it.each([['doctor'], ['config', 'show'], ['config', 'schema']])('of %s %s has an example', async (...verb) => {
    const { code, out } = await run(...verb, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Example:\n  $ dawngrad ${verb.join(' ')}`);
  });

  it('is printed as a mistake of usage where no verb is given', async () => {
    const { code, err } = await run();
    expect(code).toBe(2);
    expect(err).toContain('Usage: dawngrad');
  });

  it('tells the version', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: '0.1.0\n', err: '' });
  });
});

describe('mistakes of usage', () => {
  it.each([
    [['docter'], "unknown command 'docter'", 'Did you mean doctor?'],
    [['doctor', '--jsn'], "unknown option '--jsn'", 'Did you mean --json?'],
    [['config', 'shwo'], "unknown command 'shwo'", 'Did you mean show?'],
    [['config', 'show', 'ilr'], "value 'ilr' is invalid", 'Allowed choices are sft, grpo, irl, opsd, evaluate'],
    [['config', 'show', 'irl', '--confg', 'x'], "unknown option '--confg'", 'Did you mean --config?'],
    [['config', 'show'], "missing required argument 'kind'", ''],
    [['doctor', 'extra'], 'too many arguments', ''],
    [['config', 'show', 'sft', 'lr'], 'expected section.key=value', 'config show'],
  ])('%j exits with 2 and says what was meant', async (args, problem, hint) => {
    const { code, out, err } = await run(...args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(problem);
    expect(err).toContain(hint);
    expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(5);
  });
});

describe('mistakes of configuration', () => {
  it('exit with 3 and name file, line and key', async () => {
    const path = file('typo.yaml', 'policy:\n  lr: 1e-4\ntrain:\n  max_step: 5\n');
    const { code, err } = await run('config', 'show', 'sft', '--config', path);
    expect(code).toBe(3);
    expect(err).toBe(`${path}:4: train.max_step: unknown key. Did you mean train.max_steps?\n`);
  });

  it.each([
    ['missing.yaml', undefined, 'ENOENT'],
    ['large.yaml', ' '.repeat(1024 * 1024 + 1), 'at most 1048576 bytes'],
    ['latin.yaml', Uint8Array.of(0x72, 0xe9), 'UTF-8'],
  ])('exit with 3 for %s', async (name, text, problem) => {
    const path = text === undefined ? join(folder, name) : file(name, text);
    const { code, err } = await run('config', 'show', 'sft', '--config', path);
    expect(code).toBe(3);
    expect(err).toContain(problem);
    expect(err).not.toContain('    at ');
  });

  it('exit with 3 for a folder in the place of a file', async () => {
    expect((await run('config', 'show', 'sft', '--config', folder)).code).toBe(3);
  });

  it('show the stack with --debug, wherever it stands', async () => {
    const { err } = await run('config', '--debug', 'show', 'sft', 'policy.lr=x');
    expect(err).toMatch(/^policy\.lr=x: expected a number, got "x"\.\n[\s\S]* {4}at /);
  });
});

describe('config show', () => {
  it.each(['sft', 'grpo', 'irl', 'evaluate'])(
    'prints a file for %s that gives the same configuration',
    async (kind) => {
      const first = await run('config', 'show', kind, 'data.path=a b.jsonl', 'run.seed=7');
      expect(first.code).toBe(0);
      expect(first.out).toMatch(/^ {2}# Seed of every random draw\. \(number; reference: seed\)\n {2}seed: 7$/m);
      const second = await run('config', 'show', kind, '--config', file(`${kind}.yaml`, first.out));
      expect(second.out).toBe(first.out);
      expect(parse(first.out).data.path).toBe('a b.jsonl');
    },
  );

  it('takes --data and --model for the keys they stand for, before overrides', async () => {
    const { out } = await run('config', 'show', 'sft', '--data', '1e3', '--model', 'm: [x]', 'policy.model=other');
    expect(parse(out)).toMatchObject({ data: { path: '1e3' }, policy: { model: 'other' } });
  });
});

describe('config schema', () => {
  it('is JSON Schema with help, unit and default for each key', async () => {
    const { code, out } = await run('config', 'schema', 'irl');
    expect(code).toBe(0);
    const schema = JSON.parse(out);
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties.reward.properties.granularity).toMatchObject({
      enum: ['sparse', 'step', 'interval', 'dense'],
      default: 'sparse',
      unit: 'choice',
    });
    expect(schema.required ?? []).toEqual([]);
  });
});

describe('the process', () => {
  let bundle: Bundle;
  beforeAll(async () => {
    bundle = await bundleSources({ main: 'src/main.ts' });
  });
  afterAll(() => bundle.remove());
  const spawnMain = (...args: string[]): Promise<ProcessResult> =>
    bundle.run(`import { main } from './main.mjs'; process.exitCode = await main(process.argv.slice(2));`, args);

  it('prints help without loading the engine', async () => {
    const coverage = join(bundle.folder, 'coverage');
    const script = join(bundle.folder, 'help.mjs');
    writeFileSync(script, "import { main } from './main.mjs'; process.exitCode = await main(['--help']);");
    const env = { ...process.env, NODE_V8_COVERAGE: coverage };
    const { status: code, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8', env });
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: dawngrad');
    const loaded = readdirSync(coverage).flatMap((name) => {
      const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8')) as { result: { url: string }[] };
      return result.map(({ url }) => url).filter((url) => url.startsWith(pathToFileURL(bundle.folder).href));
    });
    const bytes = loaded.reduce((sum, url) => sum + statSync(new URL(url)).size, 0);
    expect(loaded.length).toBeGreaterThan(1);
    // The engine alone is ten times that. It takes 20 to 40 ms to run.
    expect(bytes, loaded.join('\n')).toBeLessThan(300_000);
  });

  it.each([
    [['docter'], 2],
    [['config', 'show', 'sft', 'train.steps=1'], 3],
    [['config', 'show', 'sft'], 0],
  ])('of %j exits with %i', async (args, code) => {
    const result = await spawnMain(...args);
    expect(result.code, result.stderr).toBe(code);
  });

  // Node's own loader, which the tests' stands in for elsewhere.
  it('runs a plugin from outside, and says so where a file is no program', async () => {
    const plugin = join(bundle.folder, 'plugin.mjs');
    const config = ['config', 'show', 'irl', 'critic.loss=flat', '--plugin', plugin];
    writeFileSync(
      plugin,
      `export default ({ airl, tensor }) => airl.registerCriticLoss('flat', {
        unit: 'mark', hasBorder: true, kinds: ['plain'],
        prepare: () => ({ partLoss: (_, { logits }) => tensor.sum(logits) }),
      });`,
    );
    expect(await spawnMain(...config)).toMatchObject({ code: 0, stderr: '' });
    writeFileSync(plugin, 'export default (');
    const { code, stderr } = await spawnMain(...config);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: `${plugin}: expected a plugin that can be loaded, got SyntaxError: Unexpected end of input.\n`,
    });
  });
});
