import {
  decodePrompt,
  firstError,
  fudgedLines,
  type InverseRulesTask,
  parseTrace,
  rollout,
  type TraceRecord,
} from '@dawngrad/airl';
import type { DecoderModel } from '@dawngrad/models';
import type { SetProblems } from './problem-set.ts';
import { rounded, type SampleLine } from './trace-line.ts';
import { errorUnit, unitEnds, unitMeans } from './trace-units.ts';

export interface DrawOptions {
  readonly seed: number;
  readonly temperature: number;
  readonly onProgress: (done: number, total: number, tokens: number) => void;
  readonly shouldStop: () => boolean;
}

/**
 * Samples a policy on problems, those of the first one first. Policies and temperatures have the same random numbers, so
 * that they differ by what they are. Undefined where it was asked to stop.
 */
export async function drawSamples(
  policy: DecoderModel,
  { task, prompts, samplesPerProblem, stream, firstSample }: SetProblems,
  { seed, temperature, onProgress, shouldStop }: DrawOptions,
): Promise<SampleLine[] | undefined> {
  const marks = { granularity: 'sparse' } as const;
  const draws = { samplesPerPrompt: samplesPerProblem, temperature, seed, stream, round: 0, firstSample };
  const records = await rollout(policy, task, prompts, { ...draws, marks, onProgress }, shouldStop);
  return records?.map((record, i) =>
    sampleLine(task, record, Math.floor(i / samplesPerProblem), i % samplesPerProblem),
  );
}

/** What is kept of a sample. */
export function sampleLine({ world }: InverseRulesTask, record: TraceRecord, p: number, g: number): SampleLine {
  const { promptIds, completionIds, forced } = record;
  const problem = decodePrompt(promptIds);
  const ends = unitEnds(completionIds.length, problem.rules.length);
  const logps = Float64Array.from(record.logp!);
  let [logp, own] = [0, 0];
  for (let t = 0; t < logps.length; t++) {
    // Nobody chose what the tool wrote: no change is to show there.
    if (forced[t] === 1) logps[t] = logps[t - 1] ?? 0;
    else {
      logp += logps[t]!;
      own++;
    }
  }
  return {
    p,
    g,
    ids: [...completionIds],
    error: errorUnit(firstError(world, problem, completionIds), ends),
    correct: record.correct,
    answer: record.answerExtracted,
    logp: rounded(logp),
    own,
    logps: unitMeans(logps, ends).map(rounded),
    fudged: fudgedLines(world, completionIds),
    wellFormed: parseTrace(completionIds)?.lines.length === problem.rules.length,
  };
}
