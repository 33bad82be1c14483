import { createHash } from 'node:crypto';
import type { TaskPrompt } from '@dawngrad/airl';

const CHARACTERS = 16;

/** A hash of problems and their answers: parts that measure on others are other parts. */
export function problemsHash(prompts: readonly TaskPrompt[]): string {
  const hash = createHash('sha256');
  for (const { promptIds, gold } of prompts) hash.update(`${Array.from(promptIds).join(' ')} ${gold}\n`);
  return hash.digest('hex').slice(0, CHARACTERS);
}
