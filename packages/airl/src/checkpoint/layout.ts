/**
 * The files of a checkpoint. Its root is the policy as a model in Hugging Face's layout or, where adapters are trained,
 * as an adapter in PEFT's, which names its base; `critic/` is another such folder. What only a resumed run needs lies
 * in `training/`.
 */
export const CRITIC_FOLDER = 'critic';
/** The critic's numbers: `score.weight` [1, D] and `score.bias` [1]; of a shaped one `reward.weight`, `potential.weight`. */
export const HEAD_FILE = 'score.safetensors';
export const TRAINING_FOLDER = 'training';
export const STATE_FILE = 'state.json';
export const MOMENTS_FILE = 'moments.safetensors';
export const BEST_FILE = 'best.safetensors';
export const REPLAY_FILES = { positives: 'replay-positives.jsonl', negatives: 'replay-negatives.jsonl' } as const;

/** Sizes of the growing files of a run at the time of a save, in bytes. */
export interface FileOffsets {
  readonly metrics: number;
  readonly samples: number;
}

/** The content of `training/state.json`. */
export interface StateJson {
  readonly schema: 1;
  readonly method: string;
  readonly counters: Readonly<Record<string, number>>;
  /** Steps of each optimiser, by name. */
  readonly optimizers: Readonly<Record<string, number>>;
  /** The state of further parts, by name. */
  readonly parts: Readonly<Record<string, unknown>>;
  readonly offsets: FileOffsets;
}
