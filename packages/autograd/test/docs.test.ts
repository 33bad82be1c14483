import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import * as autograd from '@dawngrad/autograd';
import * as autogradTesting from '@dawngrad/autograd/testing';
import * as tensor from '@dawngrad/tensor';
import * as tensorNode from '@dawngrad/tensor/node';
import * as tensorTesting from '@dawngrad/tensor/testing';
import { describe, expect, it } from 'vitest';
import { runPage } from './run-page.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const docs = join(root, 'docs');
const pages = readdirSync(docs).filter((name) => name.endsWith('.md'));
const textOf = (page: string): string => readFileSync(join(docs, page), 'utf8');

/** Of packages above these, pages have their code run by tests of those packages. */
const ABOVE = ['models', 'airl', 'eval', 'cli'];
const MODULES: Readonly<Record<string, object>> = {
  '@dawngrad/tensor': tensor,
  '@dawngrad/tensor/node': tensorNode,
  '@dawngrad/tensor/testing': tensorTesting,
  '@dawngrad/autograd': autograd,
  '@dawngrad/autograd/testing': autogradTesting,
};
const exported: Readonly<Record<string, unknown>> = { ...autogradTesting, ...tensorNode, ...tensor, ...autograd };

/** A span of code in the third column of a table, with the line that it stands in. */
interface Span {
  readonly code: string;
  readonly line: string;
}

function thirdColumn(text: string): Span[] {
  return text.split('\n').flatMap((line) => {
    const cell = line.startsWith('|') ? (line.split('|')[3] ?? '') : '';
    return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => ({ code: code!, line }));
  });
}

/** The names that a span begins with or calls, with their members: `zeros`, `device.pool.byLabel`. */
function namesIn(code: string): string[] {
  const text = code.replaceAll(/'[^']*'/g, "''");
  const first = /^(?:new )?([A-Za-z_][\w.]*)/.exec(text)?.[1];
  const called = [...text.matchAll(/([A-Za-z_][\w.]*)\(/g)].map(([, name]) => name!);
  return [...new Set([...(first === undefined ? [] : [first]), ...called])];
}

/** What a name stands for; members are looked up on real objects. */
function resolved(name: string, objects: Readonly<Record<string, unknown>>): unknown {
  const [head, ...members] = name.split('.') as [string, ...string[]];
  let value = Object.hasOwn(objects, head) ? objects[head] : exported[head];
  for (const member of members) value = (value as Record<string, unknown> | undefined)?.[member];
  return value;
}

describe('docs/translation.md', () => {
  it('names what is exported, and nothing else', async () => {
    const spans = thirdColumn(textOf('translation.md'));
    expect(spans.length).toBeGreaterThan(150);
    const device = await tensorNode.openDevice();
    const parameters = new autograd.Parameters(device, 'docs', [{ name: 'w', shape: [2], decay: true }], {
      trainable: true,
    });
    const optimizer = new autograd.Adamw(parameters);
    const x = tensor.zeros(device, [2]);
    const step = tensor.compile(device, (input: tensor.Tensor) => tensor.negate(input));
    // Functions that the user would bring are called f and body.
    const objects = { device, parameters, optimizer, x, step, f: () => x, body: () => undefined };
    const unknown = spans.flatMap(({ code, line }) => {
      const names = namesIn(code);
      const missing = names.filter((name) => resolved(name, objects) === undefined);
      return names.length > 0 && missing.length === 0 ? [] : [`${missing.join(', ') || 'no name'} in: ${line}`];
    });
    step.dispose();
    x.dispose();
    optimizer.dispose();
    parameters.dispose();
    device.close();
    expect(unknown).toEqual([]);
  });

  it('has every op that the engine exports with a name of the op table', () => {
    const named = new Set(thirdColumn(textOf('translation.md')).flatMap(({ code }) => namesIn(code)));
    const noted = new Set([...textOf('translation.md').matchAll(/`(\w+)`/g)].map(([, name]) => name!));
    const ops = tensorTesting.opTable.map(({ name }) => name).filter((name) => typeof exported[name] === 'function');
    expect(ops.length).toBeGreaterThan(90);
    expect(ops.filter((name) => !named.has(name) && !noted.has(name))).toEqual([]);
  });
});

describe.each(pages)('docs/%s', (page) => {
  it('links to pages that exist', () => {
    const links = [...textOf(page).matchAll(/\]\(([^)#]+\.md)[^)]*\)/g)].map(([, link]) => link!);
    const missing = links.filter((link) => !existsSync(join(docs, dirname(page), link)));
    expect(missing).toEqual([]);
  });

  it('names files and scripts that exist', () => {
    const paths = [...textOf(page).matchAll(/`((?:packages|bench)\/[\w./-]*)`/g)].map(([, path]) => path!);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = [...textOf(page).matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('imports what is exported', () => {
    const imports = [...textOf(page).matchAll(/import \{([^}]*)\} from '(@dawngrad\/[\w/]+)'/g)];
    const own = imports.filter(([, , from]) => !ABOVE.includes(from!.split('/')[1]!));
    const missing = own.flatMap(([, names, from]) =>
      names!
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && !name.startsWith('type '))
        .filter((name) => !(name in (MODULES[from!] ?? {})))
        .map((name) => `${name} from ${from}`),
    );
    expect(missing).toEqual([]);
  });
});

/** The lines that a page's code prints. */
async function linesOf(page: string): Promise<string[]> {
  return (await runPage(page)).printed.map((values) => format(...values));
}

it('docs/lifetimes.md counts as it says', async () => {
  const lines = await linesOf('lifetimes.md');
  expect(lines.slice(0, 6)).toEqual([
    'x and y 2',
    'still 2 true',
    'kept 3 false',
    'a view keeps true',
    'a copy keeps false',
    'leaked 3',
  ]);
  expect(lines[6]).toContain('tensor/sum');
  expect(lines[7]).toBe('nothing is left 0');
  expect(lines[8]).toMatch(/^live +0\.0 MiB/);
});

it('docs/weights.md counts as it says', async () => {
  expect(await linesOf('weights.md')).toEqual([
    'blocks 512,488',
    'logits 3,1000 4 launches',
    'q8_0 17408 0.0044',
    'q4_0 9216 0.1255',
    'nf4 9216 0.1519',
    'logp 3 { forward: 20977664, backward: 20971520 }',
    'parameter 4 blocks 4 arenas',
    'learns true',
    'left 0',
  ]);
});

it('docs/recording.md counts as it says', async () => {
  const lines = await linesOf('recording.md');
  expect(lines).toContain('eager 20 launches 1 submit');
  expect(lines).toContain('new 0 0');
  expect(lines).toContain('learns true');
  expect(lines).toContain('draws differ true 2');
  expect(lines).toContain('log [ 0, 0 ] true');
  expect(lines.at(-1)).toContain('expected indices in [0, 32), got 40 at position 1');

  const launches = (passes: object): number => {
    const text = `${JSON.stringify(passes)} `;
    return Number.parseInt(lines.find((line) => line.startsWith(text))!.slice(text.length), 10);
  };
  const all = launches({});
  expect(lines).toContain(`replay ${all} launches 1 submit`);
  expect(all).toBeLessThanOrEqual(10);
  expect(lines.some((line) => line.startsWith(`plan: ${all} launches (20 recorded), arenas of `))).toBe(true);
  expect(launches({ fusion: false, merging: false, hoisting: false, inPlace: false })).toBe(20);
  for (const passes of [{ fusion: false }, { merging: false }, { hoisting: false }]) {
    expect(launches(passes)).toBeGreaterThanOrEqual(all);
  }
});

it('docs/README.md lists every page', () => {
  const index = textOf('README.md');
  expect(pages.filter((page) => page !== 'README.md' && !index.includes(`](${page})`))).toEqual([]);
});
