import type { TokenTrace } from '../loss/token-rows.ts';

/** The same tokens, all but the first of the prompt as the completion: what is trained on where prompts count too. */
export function wholeTrace({ promptIds, completionIds, forced }: TokenTrace): TokenTrace {
  const shift = promptIds.length - 1;
  const ids = new Uint32Array(shift + completionIds.length);
  ids.set(promptIds.subarray(1));
  ids.set(completionIds, shift);
  const written = new Uint8Array(ids.length);
  if (forced !== undefined) written.set(forced, shift);
  return { promptIds: promptIds.slice(0, 1), completionIds: ids, forced: written };
}
