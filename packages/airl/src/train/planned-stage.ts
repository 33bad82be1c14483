import type { PlannedStage } from '../reporter.ts';
import type { DevOptions } from './dev-accuracy.ts';
import type { Checkpoints } from './run-context.ts';

/** A stage of which `done` steps are done, with what it is evaluated and saved by. */
export function plannedStage(
  stage: string,
  done: number,
  total: number,
  dev: DevOptions | undefined,
  checkpoints: Checkpoints | undefined,
): PlannedStage {
  return {
    stage,
    done,
    total,
    ...(dev === undefined ? {} : { evalEvery: dev.everySteps }),
    ...(checkpoints === undefined ? {} : { saveEvery: checkpoints.everySteps }),
  };
}
