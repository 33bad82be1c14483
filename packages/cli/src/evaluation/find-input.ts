import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { Config } from '../config/schema.ts';
import { EVALUATION_MODES, evaluationMode } from './evaluation-mode.ts';

/**
 * The file of given completions: eval.input, which must exist; else the first of the candidates in eval.input_dir;
 * else the first of them in policy.model (r-airl.md, section 7.1). Throws ToolError 'config' with every path tried.
 */
export function findInput({ eval: evaluation, data, policy }: Config<'evaluate'>): string {
  const { mode, input, input_dir, input_candidates } = evaluation;
  if (input !== null) {
    if (isFile(input)) return input;
    throw new ToolError('config', {
      op: 'eval.input',
      expected: 'a file of rows',
      got: `${input}, ${existsSync(input) ? 'a folder' : 'which is not there'}`,
    });
  }
  const folder = input_dir ?? policy.model;
  if (folder === null) {
    throw new ToolError('config', {
      op: `eval.mode=${mode}`,
      expected: 'eval.input=<file of rows>, or eval.input_dir or policy.model to look in',
      got: 'none',
    });
  }
  // The reference's names, and what this program writes when it samples.
  const names = input_candidates ?? [
    ...EVALUATION_MODES[evaluationMode(mode)].candidates,
    `eval_results_${data.format}.jsonl`,
  ];
  const tried = names.map((name) => join(folder, name));
  const found = tried.find(isFile);
  if (found !== undefined) return found;
  throw new ToolError('config', {
    op: input_dir === null ? 'policy.model' : 'eval.input_dir',
    expected: `one of ${tried.join(', ')}`,
    got: existsSync(folder) ? 'none of them' : `no folder ${folder}`,
    hint: 'name the file: eval.input=<file>.',
  });
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
