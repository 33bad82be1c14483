import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { isRunFolder } from '../read-run/run-folder.ts';

const MAX_DEPTH = 4;

/**
 * The run folders at and below a folder, in the order of their names, down to four levels. Hidden folders, links and
 * node_modules are passed over, and what lies within a run. Throws ToolError 'config' where there is no such folder.
 */
export function findRuns(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new ToolError('config', {
      op: folder,
      expected: 'a folder to look in',
      got: existsSync(folder) ? 'a file' : 'no such folder',
    });
  }
  return below(folder, 0);
}

function below(folder: string, depth: number): string[] {
  if (isRunFolder(folder)) return [folder];
  if (depth === MAX_DEPTH) return [];
  return foldersIn(folder).flatMap((name) => below(join(folder, name), depth + 1));
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    // One that may not be read is none of ours.
    if (['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
