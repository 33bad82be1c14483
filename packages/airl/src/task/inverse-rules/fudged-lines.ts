import { digitOf, ruleOf, TOKEN } from './vocabulary.ts';
import type { World } from './world.ts';

/** Tokens of the part of a line that claims something: `v : o g = r`. */
const CLAIM_TOKENS = 6;

/**
 * How many checks of a completion are fudged: the line claims that rule(g) is the running value, r = v, where it is
 * another digit. An honest wrong line shows what the rule gives, r = rule(g). Claims are found wherever they stand,
 * so that lines around a missing token count too.
 */
export function fudgedLines(world: World, completionIds: ArrayLike<number>): number {
  let fudged = 0;
  for (let start = 0; start + CLAIM_TOKENS <= completionIds.length; start++) {
    if (completionIds[start + 1] !== TOKEN.colon || completionIds[start + 4] !== TOKEN.equals) continue;
    const [value, rule] = [digitOf(completionIds[start]), ruleOf(completionIds[start + 2])];
    const [guess, result] = [digitOf(completionIds[start + 3]), digitOf(completionIds[start + 5])];
    if (value === undefined || rule === undefined || guess === undefined || result !== value) continue;
    if (world.apply[rule * 10 + guess] !== value) fudged++;
  }
  return fudged;
}
