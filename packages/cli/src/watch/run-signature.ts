import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type ReportSource, rowFiles } from '../report/report-folder.ts';
import { isRunLocked } from '../run/run-lock.ts';

const FILES = [
  'config.lock.json',
  'env.json',
  'metrics.jsonl',
  'samples.jsonl',
  'evaluation.json',
  'summary.json',
  'crash.json',
];

/** Differs as soon as a file that the report is made of differs in size or time, or a run starts or ends. */
export function runSignature(sources: readonly ReportSource[]): string {
  return sources
    .map((source) => {
      const files = source.kind === 'rows' ? [] : FILES.map((name) => join(source.path, name));
      const stamps = [...files, ...rowFilesOf(source)].map((file) => {
        const found = statSync(file, { throwIfNoEntry: false });
        return found === undefined ? '-' : `${found.size}@${found.mtimeMs}`;
      });
      return [...stamps, source.kind === 'run' && isRunLocked(source.path)].join(' ');
    })
    .join('\n');
}

/** None while evaluation.json is being replaced by another version. */
function rowFilesOf(source: ReportSource): string[] {
  try {
    return rowFiles(source);
  } catch {
    return [];
  }
}
