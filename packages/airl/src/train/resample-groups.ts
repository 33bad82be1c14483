import type { DecoderModel } from '@dawngrad/models';
import { STREAMS } from '../data/streams.ts';
import type { TraceRecord } from '../record.ts';
import { rollout } from '../rollout/rollout.ts';
import type { Task } from '../task/task.ts';
import { type RoundPromptOptions, roundPrompts } from './round-prompts.ts';

export interface ResampleOptions extends RoundPromptOptions {
  readonly groupSize: number;
  readonly temperature: number;
  readonly maxSteps: number;
  /** Times that groups without spread are drawn again in a round; 0: never. */
  readonly maxResamples: number;
  /** What the spread is taken of. */
  readonly rewardOf: (record: TraceRecord) => number;
  readonly onProgress?: (done: number, total: number, tokens: number) => void;
}

export interface Resampled {
  /** As many groups as before, in their places. */
  readonly records: TraceRecord[];
  /** Groups that were drawn again, each time counted. */
  readonly resampled: number;
}

/**
 * DAPO's dynamic sampling: groups whose samples all have the same reward give no gradient, and give way to
 * groups of further prompts, at most `maxResamples` times; what has no spread then stays. The further prompts
 * are those that rounds after the last would have, so that a round is still a pure function of the weights, the
 * options and its number. Undefined where it was asked to stop. Source: Yu et al. 2025, arXiv 2503.14476, section 3.2.
 */
export async function resampleFlatGroups(
  policy: DecoderModel,
  task: Task,
  records: readonly TraceRecord[],
  round: number,
  options: ResampleOptions,
  shouldStop: () => boolean,
): Promise<Resampled | undefined> {
  const { groupSize, temperature, maxSteps, maxResamples, promptsPerRound, rewardOf, seed } = options;
  const groups = Array.from({ length: records.length / groupSize }, (_, g) =>
    records.slice(g * groupSize, (g + 1) * groupSize),
  );
  let resampled = 0;
  for (let attempt = 0; attempt < maxResamples; attempt++) {
    const flat = groups.flatMap((group, g) => (new Set(group.map(rewardOf)).size === 1 ? [g] : []));
    if (flat.length === 0) break;
    const draw = (round - 1) * maxResamples + attempt + 1;
    const prompts = roundPrompts(task, maxSteps + draw, options).slice(0, flat.length);
    const fresh = await rollout(
      policy,
      task,
      prompts,
      {
        samplesPerPrompt: groupSize,
        temperature,
        seed,
        stream: STREAMS.resample,
        round,
        marks: { granularity: 'sparse' },
        firstSample: draw * promptsPerRound * groupSize,
        ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      },
      shouldStop,
    );
    if (fresh === undefined) return undefined;
    flat.forEach((g, i) => {
      groups[g] = fresh.slice(i * groupSize, (i + 1) * groupSize);
    });
    resampled += flat.length;
  }
  return { records: groups.flat(), resampled };
}
