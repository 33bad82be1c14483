import { digitOf, ruleOf, TOKEN } from './vocabulary.ts';
import type { World } from './world.ts';

/** Who writes the result of a check: the tool (calculator style) or the policy itself. */
export type Setting = 'tool' | 'open';

/**
 * The token that the tool writes after the tokens so far, or undefined where the policy writes.
 * It acts right after `o g =` with a rule o and a digit g, and writes o(g). Only the last three
 * tokens matter, so prompt and completion may be passed together or the completion alone.
 *
 * @param length number of tokens of `tokens` to look at, if not all
 */
export function toolToken(world: World, tokens: ArrayLike<number>, length = tokens.length): number | undefined {
  if (length < 3 || tokens[length - 1] !== TOKEN.equals) return undefined;
  const digit = digitOf(tokens[length - 2]);
  const rule = ruleOf(tokens[length - 3]);
  if (rule === undefined || digit === undefined) return undefined;
  return TOKEN.firstDigit + (world.apply[rule * 10 + digit] as number);
}

/** 1 at each token of a completion that the tool writes, whatever stands there; length T. */
export function toolMask(world: World, completionIds: ArrayLike<number>): Uint8Array {
  const mask = new Uint8Array(completionIds.length);
  for (let t = 0; t < mask.length; t++) mask[t] = toolToken(world, completionIds, t) === undefined ? 0 : 1;
  return mask;
}

/** A completion in which the tool has written its tokens anew, from the first on: later ones may depend on them. */
export function withToolTokens(world: World, completionIds: ArrayLike<number>): Uint32Array {
  const ids = Uint32Array.from(completionIds);
  for (let t = 0; t < ids.length; t++) ids[t] = toolToken(world, ids, t) ?? ids[t]!;
  return ids;
}
