import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { CONFIG } from '../run/run-directory.ts';
import { PARTS } from './part-store.ts';

/** Refuses a folder that holds something else than a study. Throws ToolError 'config'. */
export function checkFolder(dir: string): void {
  if (!existsSync(dir)) return;
  const refuse = (got: string): ToolError =>
    new ToolError('config', {
      op: `--dir ${dir}`,
      expected: 'a new or empty folder, or one of an earlier study',
      got,
      hint: 'choose another folder.',
    });
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') throw refuse('a file');
    throw error;
  }
  if (names.length === 0 || names.includes(PARTS)) return;
  if (!names.includes(CONFIG)) throw refuse(`one that holds ${names.slice(0, 3).join(', ')}`);
  if (!isStudy(join(dir, CONFIG))) throw refuse('the folder of another run');
}

/** Whether a configuration is that of a study. */
function isStudy(file: string): boolean {
  try {
    return 'study' in JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return false;
    throw error;
  }
}

/**
 * Makes a folder that holds nothing but parts a study's own: parts that were copied there, perhaps from the studies of
 * other seeds, are as good as those that were made there.
 */
export function adoptParts(dir: string, config: object): void {
  const file = join(dir, CONFIG);
  if (!existsSync(join(dir, PARTS)) || existsSync(file)) return;
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
}
