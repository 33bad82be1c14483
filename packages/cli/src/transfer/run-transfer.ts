import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  parseTransferLabel,
  readRows,
  SELECTOR_NAMES,
  type SelectorName,
  type TransferRows,
  transferCsv,
  transferLatex,
  transferMarkdown,
  transferMatrix,
  transferText,
} from '@dawngrad/eval';
import { writeFileAtomically } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { evaluationRowFiles } from '../evaluation/evaluation-folder.ts';

export interface TransferRunOptions {
  readonly outputDir?: string;
  readonly bestOf: number;
  readonly selector: SelectorName;
  readonly domains?: readonly string[];
  readonly critics?: readonly string[];
  readonly resamples: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** `dawngrad transfer`: the matrix of policies and critics from evaluated rows. */
export async function runTransfer(
  inputs: readonly string[],
  options: TransferRunOptions,
  { out }: Pick<CommandContext, 'out'>,
): Promise<void> {
  const { selector, bestOf, domains, critics, resamples, seed } = options;
  if (!SELECTOR_NAMES.includes(selector)) {
    throw new ToolError('usage', {
      op: 'transfer --selector',
      expected: `one of ${SELECTOR_NAMES.join(', ')}`,
      got: selector,
    });
  }
  const sources: TransferRows[] = [];
  for (const input of inputs) sources.push(await readSource(input));
  const matrix = transferMatrix(sources, {
    ...{ selector, bestOf, resamples, seed },
    ...(domains === undefined ? {} : { domains }),
    ...(critics === undefined ? {} : { critics }),
  });
  const json = `${JSON.stringify(matrix, null, 2)}\n`;
  if (options.outputDir !== undefined) {
    mkdirSync(options.outputDir, { recursive: true });
    const files = {
      'transfer.json': json,
      'transfer.md': transferMarkdown(matrix),
      'transfer.tex': transferLatex(matrix),
      'transfer.csv': transferCsv(matrix),
    };
    for (const [name, text] of Object.entries(files)) {
      await writeFileAtomically(join(options.outputDir, name), new TextEncoder().encode(text));
    }
  }
  out(options.json === true ? json : `${transferText(matrix)}\n`);
}

/** A file of rows or an evaluation's folder, as `LABEL=PATH`, or with the label as its name or its folder's. */
async function readSource(input: string): Promise<TransferRows> {
  const at = input.indexOf('=');
  const path = at < 0 ? input : input.slice(at + 1);
  const file = rowFile(path);
  const names = at < 0 ? [basename(file, '.jsonl'), basename(dirname(file)), basename(path)] : [input.slice(0, at)];
  const label = names.map(parseTransferLabel).find((found) => found !== undefined);
  if (label === undefined) {
    throw new ToolError('config', {
      op: input,
      expected: 'a name transfer_{arch}_{variant}_P_{policy domain}_R_{reward domain}_t0p5',
      got: names.join(', '),
      hint: 'give it as transfer_...=PATH.',
    });
  }
  return { label, file, rows: await readRows(readFileSync(file, 'utf8').split('\n'), file) };
}

function rowFile(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) {
    if (stat !== undefined) return path;
    throw new ToolError('config', { op: path, expected: 'a file of evaluated rows', got: 'none there' });
  }
  const files = evaluationRowFiles(path);
  const [file] = files;
  if (file !== undefined && files.length === 1) return file;
  throw new ToolError('config', {
    op: path,
    expected: 'a folder with one file of evaluated rows',
    got: `${files.length}`,
    hint: 'name the file itself.',
  });
}
