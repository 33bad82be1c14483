import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { type JsonLines, readJsonLines } from '../../read-run/read-json-lines.ts';
import { SAMPLES_FILE, type SampleLine, type ScoreLine, TRACES_FILE, type TraceLine } from './trace-line.ts';

/** The samples in the folder of a finished part. Throws ToolError 'corrupt' where they are not there or cut short. */
export function readSamples(folder: string): SampleLine[] {
  return readLines(join(folder, SAMPLES_FILE)) as unknown as SampleLine[];
}

/** The traces in the folder of a finished part, samples or others. */
export function readTraces(folder: string): TraceLine[] {
  return existsSync(join(folder, SAMPLES_FILE))
    ? readSamples(folder)
    : (readLines(join(folder, TRACES_FILE)) as unknown as TraceLine[]);
}

/** The scores of traces, checked to be of the same ones in the same order. */
export function readScores(file: string, traces: readonly TraceLine[]): ScoreLine[] {
  const scores = readLines(file) as unknown as ScoreLine[];
  const isOfTraces =
    scores.length === traces.length && scores.every(({ p, g }, i) => p === traces[i]!.p && g === traces[i]!.g);
  if (!isOfTraces) throw damaged(file, `scores of ${traces.length} traces`, `other ones, ${scores.length}`);
  return scores;
}

function readLines(file: string): readonly object[] {
  if (!existsSync(file)) throw damaged(file, 'a file of JSON lines', 'no such file');
  const { rows, isCut } = readPartLines(file);
  if (isCut) throw damaged(file, 'whole lines of JSON', `a cut line behind ${rows.length} whole ones`);
  return rows;
}

/** `readJsonLines` of a file in the folder of a part; a damaged one throws ToolError 'corrupt' that names the folder. */
export function readPartLines(file: string): JsonLines {
  try {
    return readJsonLines(file);
  } catch (error) {
    if (!(error instanceof ToolError && error.code === 'corrupt')) throw error;
    throw damaged(file, error.detail.expected, `${error.detail.got} (${error.detail.op})`);
  }
}

function damaged(op: string, expected: string, got: string): ToolError {
  return new ToolError('corrupt', { op, expected, got, hint: `remove ${dirname(op)} to have the part done again.` });
}
