import { type SelectorName, selectScore } from '../metrics/selectors.ts';
import { type DeltaMetrics, deltaMetrics } from './delta-metrics.ts';
import type { Grid } from './grid.ts';
import type { ScoredPair } from './scored-pair.ts';
import {
  type OnsetRule,
  type PositionScale,
  type StabilisedMetrics,
  stabilise,
  stabilisedMetrics,
} from './stabilise.ts';

/** How a pair is judged. */
export interface PairOptions {
  /** How token scores become the score of a trace. */
  readonly aggregate: SelectorName;
  /** The critic's own grid, with the window of the local metrics. */
  readonly grid: Grid;
  readonly hitKs: readonly number[];
  readonly smoothWindow: number;
  readonly onset: OnsetRule;
}

/** The numbers of one pair. */
export interface PairMetrics {
  readonly cleanScore: number;
  readonly editedScore: number;
  /** Score of the clean trace minus that of the edited one; above 0 the critic prefers the clean one. */
  readonly margin: number;
  readonly delta: DeltaMetrics;
  /** Undefined where no change lies in both traces. */
  readonly stabilised: StabilisedMetrics | undefined;
}

export function pairMetrics(pair: ScoredPair, options: PairOptions, scale: PositionScale): PairMetrics {
  const { changed, clean, edited } = pair;
  const { aggregate, grid, hitKs, smoothWindow, onset } = options;
  const cleanScore = selectScore(aggregate, clean.critic);
  const editedScore = selectScore(aggregate, edited.critic);
  const [z, editedZ] = [clean, edited].map(({ critic }) => stabilise(critic, scale, smoothWindow));
  return {
    cleanScore,
    editedScore,
    margin: cleanScore - editedScore,
    delta: deltaMetrics(clean.critic, edited.critic, changed, grid, hitKs),
    stabilised: stabilisedMetrics(z!, editedZ!, changed, grid, onset),
  };
}

/** A line of pair_details.jsonl: the field names are those of the reference's files, hence snake case. */
export function pairDetail(pair: ScoredPair, metrics: PairMetrics, { grid }: Pick<PairOptions, 'grid'>): object {
  const { delta, stabilised } = metrics;
  return {
    prompt_idx: pair.promptIdx,
    prompt_id: pair.promptId,
    severity: pair.severity,
    variant_idx: pair.variantIdx,
    prompt: pair.prompt,
    clean_trace_source: pair.traceSource,
    clean_generation_idx: pair.generationIdx,
    clean_text: pair.cleanText,
    pert_text: pair.editedText,
    perturb_fns: pair.edits,
    changed_token_positions: pair.changed,
    clean_score_seq: pair.clean.critic,
    pert_score_seq: pair.edited.critic,
    pert_policy_log_probs: pair.edited.logp,
    pert_policy_entropies: pair.edited.entropy,
    clean_score_agg: metrics.cleanScore,
    pert_score_agg: metrics.editedScore,
    margin: metrics.margin,
    win: metrics.margin > 0 ? 1 : 0,
    local_drop: orNull(delta.localDrop),
    far_drop: orNull(delta.farDrop),
    localization_gap: orNull(delta.gap),
    hit_at: withNulls(delta.hitAt),
    hit_at_random: withNulls(delta.hitAtRandom),
    hit_at_norm: withNulls(delta.hitAtNorm),
    local_unit_count: delta.localUnits,
    total_unit_count: delta.units,
    local_unit_ratio: delta.localUnits / delta.units,
    localization_mode: grid.interval === 1 ? 'token' : 'bucket',
    ldm: orNull(stabilised?.localMass),
    ldm_random: orNull(stabilised?.localMassRandom),
    ldm_norm: orNull(stabilised?.localMassNorm),
    onset_idx: stabilised?.onset ?? null,
    onset_lag: orNull(stabilised?.onsetLag),
    onset_threshold_used: orNull(stabilised?.threshold),
    false_alarm: stabilised === undefined ? null : Number(stabilised.isFalseAlarm),
    clean_correct: pair.isCleanCorrect,
    pert_correct: pair.isEditedCorrect,
    answer_unchanged: pair.isAnswerUnchanged,
  };
}

/** JSON has no NaN: null is "not defined". */
function orNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

function withNulls(values: Readonly<Record<string, number>>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, orNull(value)]));
}
