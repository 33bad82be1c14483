import { basename } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { hashFile } from './hash-file.ts';

/** What a run reads, by the setting that names it. */
export type InputRole = 'data' | 'policy' | 'critic' | 'warmup' | 'plugins';

const SETTINGS: Readonly<Record<InputRole, string>> = {
  data: 'data.path',
  policy: 'policy.model',
  critic: 'critic.model',
  warmup: 'warmup.load_from',
  plugins: 'run.plugins',
};

/** Files that a run reads in one role, to be hashed into env.json. */
export interface RunInput {
  readonly role: InputRole;
  readonly files: readonly string[];
}

/** SHA-256 of each file that a run read, by role and path. */
export type InputHashes = Readonly<Partial<Record<InputRole, Readonly<Record<string, string>>>>>;

/** Throws ToolError 'config' where a file cannot be read. */
export async function hashInputs(inputs: readonly RunInput[]): Promise<InputHashes> {
  const hashes: Partial<Record<InputRole, Record<string, string>>> = {};
  for (const { role, files } of inputs) {
    const ofRole: Record<string, string> = {};
    for (const path of files) ofRole[path] = await hashFile(path);
    hashes[role] = ofRole;
  }
  return hashes;
}

/**
 * Throws ToolError 'config' where a run would go on with other inputs than it started with. Roles are compared,
 * not paths: the folder of a run stands for its newest checkpoint, so the same setting may name another model.
 */
export function checkSameInputs(before: InputHashes, now: InputHashes): void {
  for (const role of Object.keys(SETTINGS) as InputRole[]) {
    if (identity(before[role]) === identity(now[role])) continue;
    throw new ToolError('config', {
      op: SETTINGS[role],
      expected: `what the run started with, ${inputText(before[role])}`,
      got: inputText(now[role]),
      hint:
        role === 'data' || role === 'plugins'
          ? 'put it back, or start a new run in another run.dir.'
          : "put it back, or start a new run in another run.dir; the folder of a run stands for its newest checkpoint, a checkpoint's own folder does not move on.",
    });
  }
}

/** Names and hashes: equal where the content is, wherever the folder lies. */
function identity(files: Readonly<Record<string, string>> = {}): string {
  return Object.entries(files)
    .map(([path, hash]) => `${basename(path)} ${hash}`)
    .sort()
    .join('\n');
}

function inputText(files: Readonly<Record<string, string>> = {}): string {
  const texts = Object.entries(files).map(([path, hash]) => `${path} (SHA-256 ${hash.slice(0, 12)}...)`);
  return texts.length === 0 ? 'none' : texts.join(', ');
}
