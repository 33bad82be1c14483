import type { Reporter, Setting } from '@dawngrad/airl';
import type { Device } from '@dawngrad/tensor';

/** What a part is expected to take; known before it runs. */
export interface PartCost {
  /** Floating-point operations, by 2 x parameters x tokens forward and 6 x parameters x tokens in training. */
  readonly flops: number;
  /** Tokens that pass through a model, each as often as it does. */
  readonly tokens: number;
  /** What the finished part holds on the disk. */
  readonly bytes: number;
}

/** A part that is done, as later ones take it. */
export interface FinishedPart {
  /** Holds `part.json` and the files that the part wrote. */
  readonly folder: string;
  readonly result: PartResult;
}

/** The numbers that a part is known by; anything larger goes into its files. */
export type PartResult = Readonly<Record<string, number | string | null>>;

/** What a part works with. */
export interface PartWork {
  readonly device: Device;
  /** Where it writes. After an interruption it holds what was there then. Renamed once the part is whole. */
  readonly folder: string;
  /** The finished parts of `StudyPart.inputs`, by the same names. */
  readonly inputs: Readonly<Record<string, FinishedPart>>;
  readonly progress: Reporter;
  /** To be asked after every step: a part that is to stop saves what it can go on from and returns 'stopped'. */
  readonly shouldStop: () => boolean;
}

export type PartOutcome =
  | { readonly status: 'stopped' }
  | {
      readonly status: 'finished';
      readonly result: PartResult;
      /** What came out, in a few words: `pass@1 0.637 on 300 problems`. */
      readonly headline: string;
    };

/**
 * A piece of a study that is done once and kept: a training or a measurement. Its key, and with it its folder, follows
 * from everything that decides its result: kind, version, seed, setting, settings and inputs.
 */
export interface StudyPart {
  /** `base`, `sft`, `grpo`, `irl`, `samples`, ... */
  readonly kind: string;
  /** Raised when the code of the kind makes something else of the same settings. */
  readonly version: number;
  /** For people: `irl-interval`, `samples of sft at 0.5`. Not part of the key. */
  readonly label: string;
  readonly seed: number;
  /** Who writes the results of look-ups; null where both settings share the part. */
  readonly setting: Setting | null;
  /** JSON: numbers, texts, lists and objects. */
  readonly settings: object;
  readonly inputs: Readonly<Record<string, StudyPart>>;
  readonly cost: PartCost;
  run(work: PartWork): Promise<PartOutcome>;
}
