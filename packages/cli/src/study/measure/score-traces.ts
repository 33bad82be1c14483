import {
  type Critic,
  decodePrompt,
  LINE_TOKENS,
  type MarkChoice,
  meanReward,
  policyRecord,
  proofread,
  type ReviewVerdict,
  type RewardOptions,
  recordLogProbs,
  type Task,
  type TaskPrompt,
} from '@dawngrad/airl';
import type { DecoderModel } from '@dawngrad/models';
import { rounded, type ScoreLine, type TraceLine } from './trace-line.ts';
import { unitEnds, unitMeans } from './trace-units.ts';

/** Traces of a set of problems. */
export interface ScoredTraces {
  readonly task: Task;
  /** `TraceLine.p` counts in these. */
  readonly prompts: readonly TaskPrompt[];
  readonly lines: readonly TraceLine[];
}

/** Tokens of one forward pass; decides memory and time, not results. */
const PASS_TOKENS = 16_384;

/** Scores traces, in the order given. */
export type Scorer = (traces: ScoredTraces) => Promise<ScoreLine[]>;

/**
 * The reward that the critic gives when it trains a policy, and what it says of each unit. A critic that pools over
 * segments is asked for the mean over the unit's tokens, wherever its own segments end. One that reads a single token is
 * asked at the unit's last one, when it has read it all: most of what it sees in a line shows at its end (the result of the
 * check is the seventh token of eight), so that a mean over the line would put it into the next one.
 */
export function criticScorer(critic: Critic, reward: RewardOptions & MarkChoice): Scorer {
  const { malformed, ...judged } = reward;
  const isPooled = critic.pooling === 'mean' && reward.granularity !== 'dense';
  const byUnit: RewardOptions & MarkChoice = isPooled ? { ...judged, granularity: 'step' } : judged;
  return async ({ task, prompts, lines }) => {
    const scored = async (options: RewardOptions & MarkChoice): Promise<Float32Array[]> => {
      const records = lines.map(({ p, g, ids }) =>
        policyRecord(task, prompts[p]!, Uint32Array.from(ids), options, { round: 0, index: g }),
      );
      return (await critic.score(task, records, PASS_TOKENS, options)).map(({ tokens }) => tokens);
    };
    const rewards = await scored(reward);
    const values = isPooled || malformed !== undefined ? await scored(byUnit) : rewards;
    return lines.map(({ p, g, ids }, i) => {
      const units = unitEnds(ids.length, rulesOf(prompts[p]!)).map((end) => values[i]![end - 1]!);
      return { p, g, reward: rounded(meanReward(rewards[i]!)), units: units.map(rounded) };
    });
  };
}

/** Log-probability of the tokens that a policy would have written itself, its mean and that of each unit, nats. */
export function logProbScorer(policy: DecoderModel): Scorer {
  return async ({ task, prompts, lines }) => {
    const traces = lines.map(({ p, ids }) => {
      const completionIds = Uint32Array.from(ids);
      return { promptIds: prompts[p]!.promptIds, completionIds, forced: task.forced(completionIds) };
    });
    const found = await recordLogProbs(policy, traces, PASS_TOKENS);
    return lines.map(({ p, g, ids }, i) => {
      const { forced } = traces[i]!;
      const logps = found[i]!;
      const own = logps.length - forced.reduce((sum, one) => sum + one, 0);
      const reward = logps.reduce((sum, logp) => sum + logp, 0) / own;
      // As in samples: what a tool wrote has the value of the token before it.
      for (let t = 1; t < logps.length; t++) if (forced[t] === 1) logps[t] = logps[t - 1]!;
      const units = unitMeans(logps, unitEnds(ids.length, rulesOf(prompts[p]!)));
      return { p, g, reward: rounded(reward), units: units.map(rounded) };
    });
  };
}

/**
 * What a model that has learned to proof-read thinks of traces, without any critic. Of the trace: log P(ok) summed over
 * its lines, the log-probability that all are passed. Of a line: the log-odds of `ok` against `no`. The tail has no
 * verdict, so the last unit is left out.
 */
export function proofreadScorer(model: DecoderModel): Scorer {
  return async ({ prompts, lines }) => {
    const traces = lines.map(({ p, ids }) => ({
      promptIds: prompts[p]!.promptIds,
      completionIds: Uint32Array.from(ids),
    }));
    const verdicts = await proofread(model, traces, PASS_TOKENS);
    return lines.map(({ p, g }, i) => ({ p, g, ...reviewOf(verdicts[i]!, rulesOf(prompts[p]!)) }));
  };
}

/** A line that never ends gets no verdict, and counts as one that was surely refused: nats. */
const REFUSED = -20;

/** The verdicts of a completion by line. Where malformed text has several in one line, the worst counts. */
export function reviewOf(verdicts: readonly ReviewVerdict[], rules: number): Pick<ScoreLine, 'reward' | 'units'> {
  const passed = new Array<number>(rules).fill(Number.NaN);
  const odds = new Array<number>(rules).fill(REFUSED);
  let behind = 0;
  for (const { token, ok, no } of verdicts) {
    const line = Math.floor(token / LINE_TOKENS);
    if (line >= rules) behind += ok;
    else if (!(passed[line]! <= ok)) {
      passed[line] = ok;
      odds[line] = ok - no;
    }
  }
  const sum = passed.reduce((total, ok) => total + (Number.isNaN(ok) ? REFUSED : ok), 0);
  return { reward: rounded(sum + behind), units: odds.map(rounded) };
}

function rulesOf({ promptIds }: TaskPrompt): number {
  return decodePrompt(promptIds).rules.length;
}
