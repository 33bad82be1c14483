import type { DecoderConfig, LoraOptions, WantedFormat } from '@dawngrad/models';
import type { RewardOptions } from '../credit/reward.ts';
import type { CriticPooling } from '../critic/pooling.ts';
import type { Shaping } from '../critic/shaped-head.ts';
import type { LengthLimits } from '../data/check-lengths.ts';
import type { MarkChoice } from '../task/create-record.ts';
import type { GrpoOptions } from '../train/grpo.ts';
import type { IrlOptions } from '../train/irl/irl-options.ts';
import type { OpsdOptions } from '../train/opsd.ts';
import type { SftOptions } from '../train/sft.ts';

/** A model of a planned run: its shape, how its file has it, and what of it is trained. */
export interface PlannedModel {
  readonly config: DecoderConfig;
  /** Float type of the matrices in the file. */
  readonly stored: 'f32' | 'f16' | 'bf16';
  /** How frozen matrices are kept; weights that are trained are f32. */
  readonly format: WantedFormat;
  /** Absent: all weights are trained or, in an evaluation, none. */
  readonly lora?: LoraOptions | undefined;
}

/** What a critic starts from: the policy, or a model of its own. */
export type PlannedCritic = { readonly start: 'policy'; readonly lora?: LoraOptions | undefined } | PlannedModel;

/** Sampling and scoring of test prompts. */
export interface PlannedEvaluation {
  readonly samplesPerPrompt: number;
  /** Prompts between two writes to the disk. */
  readonly promptsAtOnce: number;
  readonly temperature: number;
  readonly microBatchTokens: number;
  readonly reward: MarkChoice & RewardOptions;
  /** Test prompts in all; undefined where nobody knows yet. */
  readonly prompts: number | undefined;
}

/** The work of a run, with the options that its trainer gets. */
export type PlannedWork =
  | { readonly kind: 'sft'; readonly options: SftOptions }
  | { readonly kind: 'grpo'; readonly options: GrpoOptions }
  | { readonly kind: 'opsd'; readonly options: OpsdOptions }
  | {
      readonly kind: 'irl';
      readonly options: IrlOptions;
      readonly critic: PlannedCritic;
      /** Of a critic with a reward and a potential; undefined: of a plain one. */
      readonly shaping?: Shaping | undefined;
      /** How the critic makes the value of a segment of its tokens; `last` unless said. */
      readonly pooling?: CriticPooling;
      /** Demonstrations of the data set; undefined: as many as the warm-up of the critic can use. */
      readonly demonstrations: number | undefined;
    }
  | { readonly kind: 'evaluate'; readonly options: PlannedEvaluation; readonly critic: PlannedModel | undefined };

/** All that decides the memory and the cost of a run. Every prompt and completion counts with its longest length. */
export interface PlannedRun {
  readonly work: PlannedWork;
  readonly policy: PlannedModel;
  readonly limits: LengthLimits;
  /** Blocks keep only their inputs for the gradient. */
  readonly recomputesBlocks: boolean;
}
