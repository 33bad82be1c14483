import { mkdirSync } from 'node:fs';
import { dirname, join, parse, relative, resolve } from 'node:path';
import { FIGURE_KINDS, TABLE_KINDS } from '@dawngrad/eval';
import { writeFileAtomically } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { nearest } from '../config/nearest.ts';
import { readConfigFile } from '../config/read-config-file.ts';
import { plainText } from '../ui/plain-text.ts';
import { collectRuns, eachOf } from './collect-runs.ts';
import { type MadeFile, makeItem } from './make-item.ts';
import { itemsOf, type NamedItem } from './named-items.ts';
import { numbersFile } from './numbers-file.ts';
import { parsePlotSpec, plotSchema } from './plot-spec.ts';

/** Tables and figures that are made together. */
const CONCURRENCY = 4;

export interface PlotOptions {
  readonly out?: string;
  readonly only?: readonly string[];
  readonly list?: boolean;
  readonly schema?: boolean;
  readonly json?: boolean;
}

/** What became of a specification. */
interface PlotResult {
  readonly folder: string;
  /** Files, relative to the folder. */
  readonly files: string[];
  /** Runs that are not there. */
  readonly missing: readonly string[];
  /** Runs and items that could not be read or made, with the reason. */
  readonly failed: string[];
  readonly notes: readonly string[];
}

/** `dawngrad plot`: everything that a specification asks for, from the runs that there are. */
export async function runPlot(path: string | undefined, options: PlotOptions, context: CommandContext): Promise<void> {
  if (options.schema === true) {
    context.out(`${JSON.stringify(plotSchema(), null, 2)}\n`);
    return;
  }
  if (options.list === true) {
    context.out(`${kindsText()}\n`);
    return;
  }
  if (path === undefined) {
    throw new ToolError('usage', {
      op: 'plot',
      expected: 'a specification',
      got: 'none',
      hint: 'dawngrad plot --help shows one, and --list the kinds of tables and figures.',
    });
  }
  const spec = parsePlotSpec(readConfigFile(path).text, path);
  const base = dirname(resolve(path));
  const items = chosen(itemsOf(spec), options.only);
  const runs = await collectRuns(spec, base);
  const folder = options.out === undefined ? resolve(base, spec.output) : resolve(options.out);
  const result: PlotResult = {
    folder,
    files: [],
    missing: runs.missing,
    failed: [...runs.failed],
    notes: runs.notes,
  };
  const write = async (name: string, content: string | Uint8Array): Promise<void> => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    await writeFileAtomically(file, typeof content === 'string' ? new TextEncoder().encode(content) : content);
    result.files.push(name);
  };
  // Pixels are drawn in threads of their own, so that the next items can be made meanwhile.
  const made = await eachOf(items, CONCURRENCY, async (item): Promise<readonly MadeFile[]> => {
    try {
      return await makeItem(item, runs);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      result.failed.push(`${item.name}: ${error.message}`);
      return [];
    }
  });
  result.failed.sort();
  for (const { name, content } of made.flat()) await write(name, content);
  await write('numbers.json', numbersFile(spec, runs));
  report(result, options, context);
}

function chosen(items: readonly NamedItem[], only: readonly string[] | undefined): readonly NamedItem[] {
  if (only === undefined) return items;
  const names = items.map(({ name }) => name);
  for (const name of only) {
    if (names.includes(name)) continue;
    const meant = nearest(name, names);
    throw new ToolError('usage', {
      op: 'plot --only',
      expected: `names of what the specification makes: ${names.join(', ')}`,
      got: name,
      ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }),
    });
  }
  return items.filter(({ name }) => only.includes(name));
}

function report(result: PlotResult, { json }: PlotOptions, { out, err, exitWith }: CommandContext): void {
  const isWhole = result.missing.length === 0 && result.failed.length === 0;
  if (json === true) out(`${JSON.stringify(result, null, 2)}\n`);
  else {
    for (const note of result.notes) err(plainText(`note: ${note}\n`));
    for (const run of result.missing) err(plainText(`MISSING ${run}\n`));
    for (const item of result.failed) err(plainText(`FAILED  ${item}\n`));
    out(
      plainText(
        `${filesText(result.files)}\n${result.files.length} files in ${relative(process.cwd(), result.folder) || '.'}\n` +
          (isWhole ? '' : `${result.missing.length} runs missing, ${result.failed.length} failed\n`),
      ),
    );
  }
  if (!isWhole) exitWith(1);
}

/** A line for each table and figure, with the formats that it was written in. */
function filesText(files: readonly string[]): string {
  const formats = new Map<string, string[]>();
  for (const file of files) {
    const { dir, name, ext } = parse(file);
    const key = join(dir, name);
    formats.set(key, [...(formats.get(key) ?? []), ext.slice(1)]);
  }
  return [...formats].map(([name, some]) => `${name}: ${some.join(', ')}`).join('\n');
}

function kindsText(): string {
  const kinds = [
    ...Object.entries(TABLE_KINDS).map(([name, { about }]) => [`table: ${name}`, about]),
    ...Object.entries(FIGURE_KINDS).map(([name, { about }]) => [`figure: ${name}`, about]),
  ];
  const width = Math.max(...kinds.map(([name]) => name!.length));
  return kinds.map(([name, about]) => `${name!.padEnd(width)}  ${about}`).join('\n');
}
