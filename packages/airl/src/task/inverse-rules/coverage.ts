import { factsOf, type Problem } from './problem.ts';
import { FACTS, type World } from './world.ts';

/** Which facts a set of demonstrated problems shows, and what share of all 400 that is. */
export interface Coverage {
  /** 1 at each fact that some right solution uses. */
  readonly covered: Uint8Array;
  readonly fraction: number;
}

export function coverageOf(world: World, problems: readonly Problem[]): Coverage {
  const covered = new Uint8Array(FACTS);
  for (const problem of problems) for (const fact of factsOf(world, problem)) covered[fact] = 1;
  return { covered, fraction: covered.reduce((sum, one) => sum + one, 0) / FACTS };
}

/** Whether every fact that the problem needs is covered. */
export function isCovered(world: World, problem: Problem, coverage: Coverage): boolean {
  return factsOf(world, problem).every((fact) => coverage.covered[fact] === 1);
}
