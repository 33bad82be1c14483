import type { Setting } from '@dawngrad/airl';

/** How one policy does on the test problems at one sampling temperature. */
export interface PolicyMeasure {
  /** `base`, or the name of the arm: `sft`, `grpo`, `irl-interval`. */
  readonly name: string;
  readonly temperature: number;
  readonly samplesPerProblem: number;
  /** Share of the samples with the right answer, one number a test problem, 0 to 1. */
  readonly perProblem: readonly number[];
  /** Share of the samples that follow the grammar to the last token. */
  readonly wellFormed: number;
  /** Mean number of fudged lines in a sample: result = value although rule(guess) is another digit. */
  readonly fudgedPerSample: number;
  /** Share of the samples with at least one fudged line. */
  readonly withFudged: number;
  /** Share of the samples with the right answer and every line right. */
  readonly fullyRight: number;
}

/** Best-of-N with one selector on one policy's samples: exact expectations over all N of the samples drawn. */
export interface RerankMeasure {
  /** Whose samples (temperature 1): `sft`, an R-AIRL arm, `base`. */
  readonly policy: string;
  readonly n: number;
  /**
   * `mean`, `majority`, `length`, `log-probability`, `proof-reading` (the base's own), `oracle`,
   * `critic irl-interval` (highest reward), `critic-majority irl-interval` (votes weighted by the reward).
   */
  readonly selector: string;
  /** Expected correctness of the chosen sample, one number a test problem. */
  readonly perProblem: readonly number[];
}

/** How well a score separates a policy's right samples from its wrong ones. */
export interface AurocMeasure {
  /** `log-probability`, `proof-reading`, `critic irl-interval`. */
  readonly scorer: string;
  readonly policy: string;
  /** Null where the policy's samples are all right or all wrong. */
  readonly value: number | null;
}

/** How often a localiser points at the first wrong line (Hit@1). */
export interface LocaliseMeasure {
  /** Natural: wrong test samples of SFT. Planted: expert traces of test problems with one number edited. */
  readonly kind: 'natural' | 'planted';
  /** `always-first`, or a signal with a rule: `critic irl-interval, drop`. */
  readonly localiser: string;
  /** `always-first`, `log-probability`, `proof-reading`, `critic <arm>`. */
  readonly signal: string;
  /** How the line is named: the largest drop, the lowest line, or the first line below a threshold set on wrong dev samples of SFT. */
  readonly rule: 'always-first' | 'drop' | 'lowest' | 'threshold';
  readonly hits: number;
  readonly n: number;
  /** Expected share of hits of a line drawn at random among each trace's own lines. */
  readonly chance: number;
}

/**
 * Chains longer than any seen in training. `pass@1` and `well-formed`: a policy's own samples. The others are of traces
 * of the writer that the base model was trained to imitate, 16 a problem, since a policy writes at most as many lines
 * as it has seen: `rerank` (best of all by a selector; `mean` and `oracle` among them), `auroc` (a scorer, right
 * answers against wrong ones) and `first error` (a localiser, share of hits on the wrong traces).
 */
export interface LongerMeasure {
  /** Rules of a problem: 5 or 6. */
  readonly steps: number;
  /** A policy, a selector, a scorer or a localiser, by the same names as elsewhere. */
  readonly name: string;
  readonly kind: 'pass@1' | 'well-formed' | 'rerank' | 'auroc' | 'first error';
  /** Null only for an AUROC of samples that are all right or all wrong. */
  readonly value: number | null;
  /** The value by problem, where it is a mean over problems. */
  readonly perProblem?: readonly number[];
}

/** What the last tenth of an arm's training looked like, and its worst moment. */
export interface TrainingMeasure {
  readonly arm: string;
  /** Rounds; of SFT, steps. */
  readonly rounds: number;
  /** Share of right answers among the last rounds' samples (training problems); null for SFT. */
  readonly lastAccuracy: number | null;
  readonly bestAccuracy: number | null;
  /** Mean reward of the first tenth of the rounds: whether the reward rose is read against it. */
  readonly firstReward: number | null;
  readonly lastReward: number | null;
  readonly lastKl: number | null;
}

/** An arm of which there is no policy: its training failed, by numbers that are not finite for instance. */
export interface FailedArm {
  readonly arm: string;
  readonly message: string;
}

/** Everything that the report knows about one seed in one setting; made from the files of its parts. */
export interface SeedMeasures {
  readonly seed: number;
  readonly setting: Setting;
  /** Share of the world's facts that the demonstrations show. */
  readonly coverage: number;
  /** One a test problem: whether demonstrations show every fact that it needs. */
  readonly isCovered: readonly boolean[];
  readonly policies: readonly PolicyMeasure[];
  readonly rerank: readonly RerankMeasure[];
  readonly auroc: readonly AurocMeasure[];
  readonly localise: readonly LocaliseMeasure[];
  readonly longer: readonly LongerMeasure[];
  readonly training: readonly TrainingMeasure[];
  /** Arms that nothing else is known of; absent where there is none. */
  readonly failed?: readonly FailedArm[];
}
