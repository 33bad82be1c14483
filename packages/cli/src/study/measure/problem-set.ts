import { type InverseRulesTask, longerChains, STREAMS, type TaskPrompt } from '@dawngrad/airl';
import type { MeasureSettings } from '../study-settings.ts';

/** Problems that policies are sampled on: those of a split, or longer ones with so many rules. */
export type ProblemSet = 'test' | 'dev' | number;

/** The problems of a set, and how many samples of each are drawn. */
export interface SetProblems {
  /** Of its limits on tokens. */
  readonly task: InverseRulesTask;
  readonly prompts: readonly TaskPrompt[];
  readonly samplesPerProblem: number;
  /** Of the random draws: those of no two sets are the same. */
  readonly stream: number;
  readonly round: number;
}

/** Samples of a dev problem: enough wrong ones to set a threshold on. */
const DEV_SAMPLES = 4;

export function setProblems(task: InverseRulesTask, set: ProblemSet, measure: MeasureSettings): SetProblems {
  if (set === 'dev') {
    const samplesPerProblem = Math.min(DEV_SAMPLES, measure.samplesPerProblem);
    return { task, prompts: task.dev, samplesPerProblem, stream: STREAMS.devRollout, round: 0 };
  }
  const stream = STREAMS.testRollout;
  if (set === 'test') {
    return { task, prompts: task.test, samplesPerProblem: measure.samplesPerProblem, stream, round: 0 };
  }
  const longer = longerChains(task, set, measure.longerProblems);
  return { task: longer, prompts: longer.test, samplesPerProblem: measure.longerSamples, stream, round: set };
}
