import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import { lockRun, type RunLock } from '../run/run-lock.ts';

const RUN_CONFIG = 'run_config.json';

/**
 * Takes the folder of a localisation. One that holds the same configuration is gone on with; another
 * is refused with what differs, so that scores of two critics never mix.
 */
export async function openOutputFolder(path: string, config: object): Promise<RunLock> {
  mkdirSync(path, { recursive: true });
  const lock = lockRun(path);
  try {
    const file = join(path, RUN_CONFIG);
    const text = `${JSON.stringify(config, null, 2)}\n`;
    if (existsSync(file)) checkSame(path, JSON.parse(readFileSync(file, 'utf8')), JSON.parse(text));
    else await writeFileAtomically(file, new TextEncoder().encode(text));
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function checkSame(path: string, before: Record<string, unknown>, now: Record<string, unknown>): void {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]));
  if (changed.length === 0) return;
  const show = (value: unknown): string => {
    const text = JSON.stringify(value) ?? 'nothing';
    return text.length > 60 ? `${text.slice(0, 60)}...` : text;
  };
  throw new ToolError('config', {
    op: path,
    expected: `what the folder was begun with: ${changed.map((key) => `${key} ${show(before[key])}`).join(', ')}`,
    got: changed.map((key) => `${key} ${show(now[key])}`).join(', '),
    hint: 'name another --output-dir, or give the same options to go on.',
  });
}
