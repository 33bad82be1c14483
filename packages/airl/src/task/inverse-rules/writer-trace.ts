import { Draws } from '../../data/draws.ts';
import { STREAMS } from '../../data/streams.ts';
import type { Problem } from './problem.ts';
import { baseTrace, encodeTrace } from './trace.ts';
import type { World } from './world.ts';

/**
 * The completion that the writer of the pre-training corpus gives a problem: right where it knows the facts, wrong by
 * its own fixed errors where it does not. It has no limit on the number of lines, other than a model that imitates it.
 *
 * @param index tells the traces of a problem apart; the same index gives the same trace
 */
export function writerTrace(world: World, problem: Problem, index: number): Uint32Array {
  return encodeTrace(baseTrace(world, problem, new Draws(world.seed, STREAMS.writerTraces, index)));
}
