import type { SafetensorsDType } from '@dawngrad/models';

/** What `dawngrad inspect` found. Also what `--json` prints. */
export interface Inspection {
  readonly path: string;
  /** A whole model, a LoRA adapter, or one file of tensors. */
  readonly kind: 'model' | 'adapter' | 'file';
  /** Numbers in all tensors together. */
  readonly parameters: number;
  /** Files with tensors, and their size. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly tensors: readonly TensorRow[];
  /** Bytes of the weights once they are loaded, by the type that they are kept in. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  /** Lines of label and text about configuration, tokenizer and adapter. */
  readonly facts: readonly (readonly [label: string, text: string])[];
  /** What was verified, and what could not be. */
  readonly verified: readonly string[];
  readonly notes: readonly string[];
}

export interface TensorRow {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly file: string;
}
