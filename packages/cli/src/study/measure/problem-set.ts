import { type InverseRulesTask, longerChains, STREAMS, type TaskPrompt } from '@dawngrad/airl';
import type { MeasureSettings } from '../study-settings.ts';

/** A set of problems: those of a split, or longer ones with so many rules. */
export type ProblemSet = 'test' | 'dev' | number;

/** The problems of a set, and how many samples of each are drawn. */
export interface SetProblems {
  /** Of its limits on tokens. */
  readonly task: InverseRulesTask;
  readonly prompts: readonly TaskPrompt[];
  readonly samplesPerProblem: number;
  /** Of the random draws, with the number of the first sample: no two sets have the same. */
  readonly stream: number;
  readonly firstSample: number;
}

/** Samples of a dev problem, enough wrong ones to set a threshold on, and of a longer one, where few are right. */
const FEW_SAMPLES = 4;

/** More than there are samples of a set. */
const LONGER_SAMPLES = 1e6;

/** Samples of a test problem at another temperature than 1, where nothing but their mean is looked at: half as many. */
const OTHER_TEMPERATURE = 0.5;

/** The problems of a set, as they are sampled at a temperature. */
export function setProblems(
  task: InverseRulesTask,
  set: ProblemSet,
  temperature: number,
  measure: MeasureSettings,
): SetProblems {
  const few = Math.min(FEW_SAMPLES, measure.samplesPerProblem);
  if (set === 'dev') {
    return { task, prompts: task.dev, samplesPerProblem: few, stream: STREAMS.devRollout, firstSample: 0 };
  }
  const stream = STREAMS.testRollout;
  if (set === 'test') {
    const samplesPerProblem = Math.ceil(measure.samplesPerProblem * (temperature === 1 ? 1 : OTHER_TEMPERATURE));
    return { task, prompts: task.test, samplesPerProblem, stream, firstSample: 0 };
  }
  const longer = longerChains(task, set, measure.longerProblems);
  return { task: longer, prompts: longer.test, samplesPerProblem: few, stream, firstSample: set * LONGER_SAMPLES };
}
