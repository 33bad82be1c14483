import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { composeFile } from './compose-file.ts';
import { readConfigFile } from './read-config-file.ts';
import { CONFIG_KINDS, type ConfigKind } from './schema.ts';

/**
 * The kind of a configuration file: what it says as `kind:`, else what its name holds, as irl_train.yaml or
 * sft_eval.yaml do. Throws ToolError 'usage' where neither tells or where the text is no file's name, 'config' where
 * the file cannot be read.
 *
 * @param op the command that asks
 */
export function kindOfFile(path: string, op: string): ConfigKind {
  if (!/[./\\]/.test(path) && !existsSync(path)) {
    throw new ToolError('usage', {
      op,
      expected: `one of ${CONFIG_KINDS.join(', ')}, or a configuration file`,
      got: path,
    });
  }
  const said = composeFile(readConfigFile(path)).findLast(({ kind }) => kind !== undefined)?.kind;
  const found = CONFIG_KINDS.find((kind) => kind === said) ?? kindOfName(path);
  if (found !== undefined) return found;
  throw new ToolError('usage', {
    op: path,
    expected: `a file that says its kind, or whose name holds it: ${CONFIG_KINDS.join(', ')}`,
    got: said === undefined ? 'neither' : JSON.stringify(said),
    hint: 'a line such as `kind: irl` in it says which it is.',
  });
}

/** The kind that the name of a file holds; an evaluation of R-AIRL is an evaluation. */
function kindOfName(path: string): ConfigKind | undefined {
  const words = basename(path)
    .toLowerCase()
    .split(/[^a-z]+/);
  return words.includes('eval') ? 'evaluate' : CONFIG_KINDS.toReversed().find((kind) => words.includes(kind));
}
