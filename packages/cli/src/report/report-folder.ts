import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { evaluationRowFiles } from '../evaluation/evaluation-folder.ts';
import { isRunFolder } from '../read-run/run-folder.ts';

/** What a path given to the report is. */
export type ReportSource =
  | { readonly kind: 'run' | 'localisation'; readonly path: string; readonly name: string }
  /** A file of evaluated rows without its folder. */
  | { readonly kind: 'rows'; readonly path: string; readonly name: string };

const LOCALISATION = ['run_config.json', 'summary.json'];

/** Tells what the paths are; names are the shortest ends of the paths that differ. Throws ToolError 'config'. */
export function reportSources(paths: readonly string[]): ReportSource[] {
  const names = shortNames(paths);
  return paths.map((path, i) => ({ kind: kindOf(path), path, name: names[i]! }));
}

function kindOf(path: string): ReportSource['kind'] {
  if (existsSync(path) && statSync(path).isFile() && path.endsWith('.jsonl')) return 'rows';
  if (isRunFolder(path)) return 'run';
  if (LOCALISATION.every((name) => existsSync(join(path, name)))) return 'localisation';
  throw new ToolError('config', {
    op: path,
    expected: 'the folder of a run, of an evaluation or of a localisation, or a file of evaluated rows (.jsonl)',
    got: existsSync(path)
      ? statSync(path).isDirectory()
        ? 'a folder without config.lock.json and without run_config.json and summary.json'
        : 'another file'
      : 'no such path',
    hint: 'dawngrad ls lists the runs below a folder.',
  });
}

/** The files of evaluated rows of a source that have something in them. */
export function rowFiles({ kind, path }: ReportSource): string[] {
  if (kind === 'rows') return [path];
  if (kind === 'localisation') return [];
  return evaluationRowFiles(path).filter((file) => existsSync(file) && statSync(file).size > 0);
}

function shortNames(paths: readonly string[]): string[] {
  const full = paths.map((path) => resolve(path));
  for (let depth = 1; depth <= 4; depth++) {
    const names = full.map((path) => end(path, depth));
    if (new Set(names).size === names.length) return names;
  }
  // The same folder twice, or folders that differ further up.
  return full.map((path, i) => `${end(path, 1)} (${i + 1})`);
}

function end(path: string, depth: number): string {
  let [name, folder] = [basename(path), dirname(path)];
  for (let i = 1; i < depth; i++) {
    name = join(basename(folder), name);
    folder = dirname(folder);
  }
  return name;
}
