import { ToolError } from '@dawngrad/tensor';
import { isReferenceRow, referenceRow, withoutNonFinite } from './reference-row.ts';
import { checkedRow, type EvalRow, malformed, type RowSource } from './row.ts';

export interface CollectRowsOptions {
  /** Leave out what cannot be read, and say so, instead of an error. */
  readonly tolerate?: boolean;
  /** The `run_id` of rows that bring none. Default: the file's name. */
  readonly runId?: string;
}

/** What a file of rows holds, and what became of the rest of it. */
export interface RowCollection {
  readonly rows: readonly EvalRow[];
  /** Whose rows these are. */
  readonly format: 'dawngrad' | 'reference';
  /** Lines that were left out. Empty unless they are tolerated. */
  readonly skipped: readonly { readonly line: number; readonly reason: string }[];
  /** Prompts that were left out since they have fewer rows than the others, or a gap. Empty unless tolerated. */
  readonly incompletePrompts: readonly string[];
  /** Prompts of the reference's files that occur more than once: their rows count as samples of one prompt. */
  readonly repeatedPrompts: readonly string[];
  /** Fields of the reference's rows that have no meaning here. */
  readonly ignoredFields: readonly string[];
}

/**
 * Reads the rows of a file given line by line, ours or the reference's but not both; only the end of the file
 * may be blank. Throws ToolError 'corrupt' or 'config' with the line of the first row that cannot be read.
 */
export async function collectRows(
  lines: Iterable<string> | AsyncIterable<string>,
  file: string,
  { tolerate = false, runId = file.split(/[\\/]/).at(-1) ?? file }: CollectRowsOptions = {},
): Promise<RowCollection> {
  const rows: EvalRow[] = [];
  const skipped: { line: number; reason: string }[] = [];
  const ignored = new Set<string>();
  let format: RowCollection['format'] | undefined;
  let line = 0;
  let blankLine = 0;
  for await (const given of lines) {
    line++;
    if (given.trim() === '') {
      blankLine ||= line;
      continue;
    }
    const source = { file, line };
    try {
      if (blankLine > 0 && !tolerate) throw blank(file, blankLine);
      const value = parseLine(line === 1 ? given.replace(/^\uFEFF/, '') : given, source);
      const kind = isReferenceRow(value) ? 'reference' : 'dawngrad';
      if (format !== undefined && kind !== format) throw mixed(source, format);
      if (kind === 'dawngrad') rows.push(checkedRow(value, source));
      else {
        const found = referenceRow(value, source, runId);
        rows.push(found.row);
        for (const field of found.ignored) ignored.add(field);
      }
      format = kind;
    } catch (error) {
      if (!tolerate || !(error instanceof ToolError)) throw error;
      skipped.push({ line, reason: error.message });
    }
  }
  if (format === undefined) {
    const got = skipped.length === 0 ? 'an empty file' : `${skipped.length} lines, none of them readable`;
    throw new ToolError('config', { op: file, expected: 'at least one completion row', got });
  }
  const merged = format === 'reference' ? mergeRepeats(rows) : { rows, repeated: [] };
  const whole = tolerate ? wholePrompts(merged.rows) : { rows: merged.rows, incomplete: [] };
  return {
    rows: whole.rows,
    format,
    skipped,
    incompletePrompts: whole.incomplete,
    repeatedPrompts: merged.repeated,
    ignoredFields: [...ignored].sort(),
  };
}

/** The rows of a file that must be sound: `collectRows` without tolerance. */
export async function readRows(lines: Iterable<string> | AsyncIterable<string>, file: string): Promise<EvalRow[]> {
  return [...(await collectRows(lines, file)).rows];
}

function parseLine(line: string, source: RowSource): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const without = withoutNonFinite(line);
    if (without === line) throw malformed(source, cause);
    try {
      return JSON.parse(without);
    } catch {
      throw malformed(source, cause);
    }
  }
}

/**
 * The reference names a prompt by its text alone, so a prompt that the data set holds twice has every
 * generation_idx twice. Its rows are samples of one prompt: they are numbered anew, in an order that does not
 * depend on that of the file.
 */
function mergeRepeats(rows: readonly EvalRow[]): { rows: EvalRow[]; repeated: string[] } {
  const groups = byPrompt(rows);
  const repeated: string[] = [];
  const merged = [...groups].flatMap(([promptId, group]) => {
    if (new Set(group.map((row) => row.generation_idx)).size === group.length) return group;
    repeated.push(promptId);
    const keyed = group.map((row) => ({ row, key: JSON.stringify(row) }));
    keyed.sort((a, b) => a.row.generation_idx - b.row.generation_idx || (a.key < b.key ? -1 : 1));
    return keyed.map(({ row }, i) => ({ ...row, generation_idx: i }));
  });
  return { rows: merged, repeated: repeated.sort() };
}

/** The prompts with as many rows as most, numbered without a gap. */
function wholePrompts(rows: readonly EvalRow[]): { rows: EvalRow[]; incomplete: string[] } {
  const groups = byPrompt(rows);
  const counts = new Map<number, number>();
  for (const group of groups.values()) counts.set(group.length, (counts.get(group.length) ?? 0) + 1);
  const usual = [...counts].sort(([n, a], [m, b]) => b - a || m - n)[0]?.[0];
  const isWhole = (group: readonly EvalRow[]): boolean => {
    const seen = new Set(group.map((row) => row.generation_idx));
    return group.length === usual && seen.size === usual && [...seen].every((index) => index < usual);
  };
  const incomplete = [...groups].filter(([, group]) => !isWhole(group)).map(([promptId]) => promptId);
  const left = new Set(incomplete);
  return { rows: rows.filter((row) => !left.has(row.prompt_id)), incomplete: incomplete.sort() };
}

function byPrompt(rows: readonly EvalRow[]): Map<string, EvalRow[]> {
  const groups = new Map<string, EvalRow[]>();
  for (const row of rows) {
    const group = groups.get(row.prompt_id);
    if (group === undefined) groups.set(row.prompt_id, [row]);
    else group.push(row);
  }
  return groups;
}

function blank(file: string, line: number): ToolError {
  return new ToolError('corrupt', { op: `${file}:${line}`, expected: 'one JSON object a line', got: 'a blank line' });
}

function mixed({ file, line }: RowSource, format: RowCollection['format']): ToolError {
  return new ToolError('config', {
    op: `${file}:${line}`,
    expected: `rows of one kind; those before it are ${format === 'dawngrad' ? 'of schema 1' : "the reference's"}`,
    got: 'a row of the other kind',
  });
}
