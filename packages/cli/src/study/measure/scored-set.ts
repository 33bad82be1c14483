import { join } from 'node:path';
import type { TaskPrompt } from '@dawngrad/airl';
import type { MeasuringParts } from '../measuring-parts.ts';
import type { StudyPart } from '../part.ts';
import { scoreFile, type TraceSet } from '../parts/score-part.ts';
import { readSamples, readScores, readTraces } from './read-lines.ts';
import type { SampleLine, ScoreLine, TraceLine } from './trace-line.ts';

/** Traces, and what every scorer that saw them says about each. */
export interface ScoredSet {
  readonly prompts: readonly TaskPrompt[];
  readonly traces: readonly TraceLine[];
  /** By the name of the scorer: `log-probability`, `proof-reading`, `critic irl-step`. */
  readonly scores: ReadonlyMap<string, readonly ScoreLine[]>;
}

/**
 * A set from the files of the parts that made and scored it; a sample's log-probability is its own policy's.
 *
 * @param folderOf the folder of a finished part
 */
export function scoredSet(
  parts: Pick<MeasuringParts, 'logProbs' | 'proofread' | 'judges'>,
  { name, part, prompts }: Pick<TraceSet, 'name' | 'part' | 'prompts'>,
  folderOf: (part: StudyPart) => string,
): ScoredSet {
  const isSamples = part.kind === 'samples';
  const traces = isSamples ? readSamples(folderOf(part)) : readTraces(folderOf(part));
  const scorers: [string, StudyPart][] = [
    ...(isSamples ? [] : [['log-probability', parts.logProbs] as [string, StudyPart]]),
    ['proof-reading', parts.proofread],
    ...[...parts.judges].map(([arm, judge]): [string, StudyPart] => [`critic ${arm}`, judge]),
  ];
  const scores = scorers.flatMap(([scorer, by]): [string, ScoreLine[]][] =>
    name in by.inputs ? [[scorer, readScores(join(folderOf(by), scoreFile(name)), traces)]] : [],
  );
  const own = isSamples ? [['log-probability', logProbLines(traces as SampleLine[])] as [string, ScoreLine[]]] : [];
  return { prompts, traces, scores: new Map([...own, ...scores]) };
}

/** Samples as their own policy scores them: the mean log-probability of the tokens that it wrote. */
function logProbLines(samples: readonly SampleLine[]): ScoreLine[] {
  return samples.map(({ p, g, logp, own, logps }) => ({ p, g, reward: logp / own, units: logps }));
}
