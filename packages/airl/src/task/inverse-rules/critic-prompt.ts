import { TOKEN } from './vocabulary.ts';

/** The prompt as the critic reads it: `<review>` in place of `<think>`. */
export function criticPromptIds(promptIds: Uint32Array): Uint32Array {
  const ids = promptIds.slice();
  ids[ids.length - 1] = TOKEN.review;
  return ids;
}
