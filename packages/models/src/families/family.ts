import type { DecoderConfig, ModelType } from '../config/decoder-config.ts';
import type { FieldReader } from '../config/field-reader.ts';

/** What distinguishes the decoders of one family from those of another. */
type DecoderOptions = Pick<DecoderConfig, 'attentionBias' | 'mlpBias' | 'qkNorm' | 'layerWindows'>;

/** A model family: how its config.json is read and written. Weights have the same names in all. */
export interface Family {
  readonly modelType: ModelType;
  /** What config.json calls its model with an output matrix. */
  readonly architecture: string;
  /** What its class in transformers fills in where families differ. */
  readonly defaults: {
    readonly maxPositionEmbeddings: number;
    /** Absent: as many as query heads. */
    readonly numKeyValueHeads?: number;
    /** Absent: the width divided by the query heads. */
    readonly headDim?: number;
  };
  /** Reads what only some families have, and refuses what this one has not. */
  readOptions(read: FieldReader, layers: number): DecoderOptions;
  /** The same as fields of config.json. Throws ToolError 'config' for options that the family has not. */
  writeOptions(config: DecoderConfig): Readonly<Record<string, unknown>>;
}
