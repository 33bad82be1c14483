import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { FinishedPart, PartResult, StudyPart } from './part.ts';
import { partKey } from './part-key.ts';

/** The content of `part.json`. */
export interface PartRecord {
  readonly schema: 1;
  readonly key: string;
  readonly kind: string;
  readonly label: string;
  readonly seed: number;
  readonly setting: string | null;
  readonly settings: object;
  /** Names of the folders of the parts that it was made from. */
  readonly inputs: Readonly<Record<string, string>>;
  /** With a plus where tracked files differed from it; null where dawngrad did not run from a git checkout. */
  readonly commit: string | null;
  readonly adapter: string;
  readonly driver: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** How often it was begun or gone on with. */
  readonly starts: number;
  /** Of all starts that came to an end. */
  readonly wallSeconds: number;
  /** By the recipe's way of counting, from the tokens of average problems: 2 x weights forward, 6 x weights in training. */
  readonly flops: number;
  /** Tokens that passed through a model, each as often as it did. */
  readonly tokens: number;
  readonly result: PartResult;
  readonly headline: string;
  /** Of the trainer, in log.txt; those of the last start. */
  readonly warnings: number;
}

/** What the starts of a part have taken so far. */
export interface Spent {
  readonly startedAt: string;
  readonly starts: number;
  readonly wallSeconds: number;
}

/** In the folder of a study. */
export const PARTS = 'parts';
const RECORD = 'part.json';
const SPENT = 'spent.json';
/** What a part said that failed; there until it is finished. */
const FAILURE = 'failure.txt';
const PARTIAL = '.partial';

/** The parts of a study on the disk, each in a folder that is there once the part is whole. */
export class PartStore {
  readonly #folder: string;
  readonly #found = new Map<string, PartRecord>();

  constructor(folder: string) {
    this.#folder = join(folder, PARTS);
  }

  /** The name of a part's folder. */
  static nameOf(part: StudyPart): string {
    return `${part.kind}-${partKey(part)}`;
  }

  folderOf(part: StudyPart): string {
    return join(this.#folder, PartStore.nameOf(part));
  }

  /** The record of a finished part; undefined where it is not done. Throws ToolError 'corrupt' for a damaged one. */
  recordOf(part: StudyPart): PartRecord | undefined {
    const name = PartStore.nameOf(part);
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const folder = join(this.#folder, name);
    if (!existsSync(folder)) return undefined;
    const record = readRecord(folder);
    this.#found.set(name, record);
    return record;
  }

  /** A finished part as later ones take it. */
  finished(part: StudyPart): FinishedPart {
    const record = this.recordOf(part);
    if (record === undefined) {
      throw new ToolError('failed', { op: part.label, expected: 'a finished part', got: 'one that is not done' });
    }
    return { folder: this.folderOf(part), result: record.result };
  }

  /** Whether a part was begun and not finished. */
  isBegun(part: StudyPart): boolean {
    return existsSync(`${this.folderOf(part)}${PARTIAL}`);
  }

  /** What a part that is not done said when it last failed; undefined where it did not. */
  failureOf(part: StudyPart): string | undefined {
    const file = join(`${this.folderOf(part)}${PARTIAL}`, FAILURE);
    return this.recordOf(part) === undefined && existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  /** Keeps what a part said that failed. */
  fail(part: StudyPart, message: string): void {
    writeFileSync(join(`${this.folderOf(part)}${PARTIAL}`, FAILURE), message, { flush: true });
  }

  /** Makes the folder that a part works in, or finds what an interrupted start left there. */
  begin(part: StudyPart): { readonly folder: string; readonly spent: Spent } {
    const folder = `${this.folderOf(part)}${PARTIAL}`;
    mkdirSync(folder, { recursive: true });
    const file = join(folder, SPENT);
    const fresh: Spent = { startedAt: new Date().toISOString(), starts: 0, wallSeconds: 0 };
    const spent = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Spent) : fresh;
    return { folder, spent: { ...spent, starts: spent.starts + 1 } };
  }

  /** Keeps what a part has taken that was stopped. */
  pause(folder: string, spent: Spent): void {
    writeJson(folder, SPENT, spent);
  }

  /** Makes the folder of a part a finished one. */
  finish(part: StudyPart, folder: string, record: PartRecord): void {
    for (const name of [SPENT, FAILURE]) rmSync(join(folder, name), { force: true });
    writeJson(folder, RECORD, record);
    renameSync(folder, this.folderOf(part));
    this.#found.set(PartStore.nameOf(part), record);
  }
}

function readRecord(folder: string): PartRecord {
  const file = join(folder, RECORD);
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as Partial<PartRecord> | null;
    if (record?.schema === 1 && typeof record.wallSeconds === 'number' && typeof record.result === 'object') {
      return record as PartRecord;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  throw new ToolError('corrupt', {
    op: file,
    expected: 'the record of a finished part',
    got: existsSync(file) ? 'something else' : 'no such file',
    hint: `remove ${folder} to have the part done again.`,
  });
}

/** The file is there with its whole content or as it was before. */
function writeJson(folder: string, name: string, value: object): void {
  const partial = join(folder, `${name}.tmp`);
  writeFileSync(partial, `${JSON.stringify(value, null, 2)}\n`, { flush: true });
  renameSync(partial, join(folder, name));
}
