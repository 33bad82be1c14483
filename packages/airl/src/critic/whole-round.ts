import type { Draws } from '../data/draws.ts';
import type { TraceRecord } from '../record.ts';
import type { OnPolicyShare, ReplayState } from '../replay.ts';
import type { ExpertTrace } from './draw-examples.ts';

/** The traces that a critic update is about. */
export interface ChosenTraces {
  /** Those whose corruptions are negatives too. */
  readonly experts: readonly ExpertTrace[];
  /** Policy samples with the negative label. */
  readonly samples: readonly TraceRecord[];
  readonly positives: readonly TraceRecord[];
}

/** The samples of one prompt in one round. */
interface Group {
  readonly promptId: string;
  readonly round: number;
  readonly negatives: TraceRecord[];
}

/**
 * The whole round (D9; r-airl.md, section 12.2): all samples of up to `prompts` prompts of the current round, and
 * groups of earlier rounds, drawn at random, as far as the current one keeps its share; with a share of 0 all that
 * the replay holds. Replay comes in whole groups, and each group brings its prompt's expert and those of its samples
 * that were relabelled: so no class can be told by its prompts. A group without a negative has nothing to say.
 */
export function chooseRound(
  experts: readonly ExpertTrace[],
  { positives: relabelled, negatives }: ReplayState<TraceRecord>,
  prompts: number,
  share: OnPolicyShare,
  draws: Draws,
): ChosenTraces {
  const expertOf = new Map(experts.map((expert) => [expert.record.promptId, expert]));
  const groups = groupsOf(negatives);
  const fresh = groups.filter(({ round }) => round === share.round);
  const earlier = groups.filter(({ round }) => round !== share.round);
  // A warm-up has the samples of many rounds in one; a round has no more than its prompts.
  const current = fresh.length > prompts ? draws.some(fresh, prompts) : fresh;
  const wanted =
    share.fraction === 0
      ? earlier.length
      : Math.floor((current.length * (1 - share.fraction)) / share.fraction + ROUNDING);
  const chosen = [...current, ...draws.some(earlier, wanted)];
  return {
    experts: chosen.map(({ promptId }) => expertOf.get(promptId)!),
    samples: chosen.flatMap((group) => group.negatives),
    positives: chosen.flatMap(({ promptId, round }) => [
      expertOf.get(promptId)!.record,
      ...relabelled.filter((record) => record.promptId === promptId && record.round === round),
    ]),
  };
}

/** 9 groups at a share of 0.9 leave room for 0.99999 of one. */
const ROUNDING = 1e-9;

/** In the order in which the first sample of each came. */
function groupsOf(negatives: readonly TraceRecord[]): Group[] {
  const groups = new Map<string, Group>();
  for (const record of negatives) {
    const { promptId, round } = record;
    const key = `${round} ${promptId}`;
    const group = groups.get(key) ?? { promptId, round, negatives: [] };
    groups.set(key, group);
    group.negatives.push(record);
  }
  return [...groups.values()];
}
