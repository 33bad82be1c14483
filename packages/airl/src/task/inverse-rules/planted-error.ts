import { Draws } from '../../data/draws.ts';
import { STREAMS } from '../../data/streams.ts';
import { NUMBER_PLACES } from './perturb.ts';
import type { Problem } from './problem.ts';
import { encodeTrace, expertTrace, type Line } from './trace.ts';
import type { World } from './world.ts';

/** An expert's trace in which one number is wrong. */
export interface PlantedError {
  readonly completionIds: Uint32Array;
  /** The line of the number, 0-based. */
  readonly line: number;
}

/**
 * Writes an expert's trace of a problem and replaces one number of one line by another digit: the value, the guess (of
 * triple weight) or the result. Nothing else is touched: the lines below still hold the right values, and the result
 * beside a new guess is not looked up again, not even where a tool would have written it.
 *
 * @param index tells the traces of a world apart; the same index gives the same trace
 */
export function plantError(world: World, problem: Problem, index: number): PlantedError {
  const draws = new Draws(world.seed, STREAMS.plantedErrors, index);
  const trace = expertTrace(world, problem, draws);
  const line = draws.integer(trace.lines.length);
  const written = trace.lines[line] as Line;
  const place = draws.pick(NUMBER_PLACES);
  // One of the nine other digits.
  written[place] = (written[place] + 1 + draws.integer(9)) % 10;
  return { completionIds: encodeTrace(trace), line };
}
