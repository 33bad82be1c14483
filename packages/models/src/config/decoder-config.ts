import { ToolError } from '@dawngrad/tensor';
import { describeJson, isJsonObject, type JsonObject, parseStrictJsonObject } from '../io/strict-json.ts';

/** How rotary angles are changed for contexts longer than those of the pre-training. */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  /** Llama 3.1: long waves are slowed by `factor`, short ones kept, those between blended. */
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    };

/** Model families, by `model_type`. */
export type ModelType = 'llama' | 'qwen2' | 'qwen3';

/**
 * The shape of a decoder of pre-norm blocks with rotary grouped-query attention and SwiGLU: the fields of Hugging
 * Face's config.json that the forward depends on.
 */
export interface DecoderConfig {
  readonly modelType: ModelType;
  /** V: rows of the embedding. */
  readonly vocabSize: number;
  /** D: model width. */
  readonly hiddenSize: number;
  /** F: width of the gated MLP. */
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  /** H: query heads. */
  readonly numAttentionHeads: number;
  /** K: key and value heads; divides H. */
  readonly numKeyValueHeads: number;
  /** E: head width, even; H * E need not equal D. */
  readonly headDim: number;
  readonly maxPositionEmbeddings: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Absent: plain rotary angles. */
  readonly ropeScaling?: RopeScaling;
  /** Which attention linears have a bias: q, k and v (Qwen2), those and o, or by default none. */
  readonly attentionBias?: 'qkv' | 'qkvo';
  /** The linears of the MLP have biases. Default false. */
  readonly mlpBias?: boolean;
  /** Queries and keys are normalised head by head before they are turned (Qwen3). Default false. */
  readonly qkNorm?: boolean;
  /** For each layer how many tokens it attends to, its own included; 0 = all. Default: all layers 0. */
  readonly layerWindows?: readonly number[];
  /** The output matrix is the embedding. */
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId?: number;
  /** Empty when the file names none. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId?: number;
}

/** Architectures that the loader knows, by `model_type`. */
const SUPPORTED_MODEL_TYPES: readonly string[] = ['llama'];

const CONFIG_CAP_BYTES = 1 << 20;
/** Bound on tokens, shared with the tokenizer: far above any published vocabulary. */
export const MAX_VOCAB_SIZE = 1_000_000;

/** Fields that change the forward in ways that are not implemented, with the values that mean "off". */
const REFUSED_FIELDS: readonly { readonly key: string; readonly off: readonly unknown[] }[] = [
  { key: 'attention_bias', off: [false] },
  { key: 'mlp_bias', off: [false] },
  { key: 'quantization_config', off: [] },
  { key: 'sliding_window', off: [] },
  { key: 'partial_rotary_factor', off: [1] },
  { key: 'hidden_act', off: ['silu'] },
];

/**
 * Parses config.json. Damaged or out-of-range: ToolError 'corrupt'; a sound file of a model that is not supported:
 * ToolError 'config' that names the field. Absent optional fields get the defaults of transformers' LlamaConfig.
 */
export function parseDecoderConfig(text: string, file = 'config.json'): DecoderConfig {
  if (text.length > CONFIG_CAP_BYTES) {
    throw new ToolError('corrupt', { op: file, expected: `at most ${CONFIG_CAP_BYTES} bytes`, got: `${text.length}` });
  }
  const json = parseStrictJsonObject(file, text, { maxDepth: 32, maxKeys: 10_000 });
  refuseUnsupported(file, json);
  const read = new FieldReader(file, json);
  const hiddenSize = read.integer('hidden_size', 1, 1 << 20);
  const numAttentionHeads = read.integer('num_attention_heads', 1, 4096);
  const numKeyValueHeads = read.integer('num_key_value_heads', 1, 4096, numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    throw read.corrupt(`num_key_value_heads that divides ${numAttentionHeads}`, `${numKeyValueHeads}`);
  }
  const headDim = read.integer('head_dim', 1, 1024, hiddenSize / numAttentionHeads);
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) {
    throw read.corrupt('an even head_dim (rotary embeddings turn pairs)', `${headDim}`);
  }
  const vocabSize = read.integer('vocab_size', 1, MAX_VOCAB_SIZE);
  const bosTokenId = read.tokenId('bos_token_id', vocabSize);
  const padTokenId = read.tokenId('pad_token_id', vocabSize);
  return {
    modelType: 'llama',
    vocabSize,
    hiddenSize,
    intermediateSize: read.integer('intermediate_size', 1, 1 << 22),
    numHiddenLayers: read.integer('num_hidden_layers', 1, 1024),
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    maxPositionEmbeddings: read.integer('max_position_embeddings', 1, 1 << 28, 2048),
    rmsNormEps: read.positive('rms_norm_eps', 1e-6, 1),
    ropeTheta: readRopeTheta(read, json),
    tieWordEmbeddings: read.boolean('tie_word_embeddings', false),
    ...(bosTokenId === undefined ? {} : { bosTokenId }),
    eosTokenIds: read.tokenIds('eos_token_id', vocabSize),
    ...(padTokenId === undefined ? {} : { padTokenId }),
  };
}

/** config.json for `config`, as transformers writes it for weights in f32. */
export function decoderConfigToJson(config: DecoderConfig): Readonly<Record<string, unknown>> {
  const eos = config.eosTokenIds;
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: config.modelType,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numHiddenLayers,
    num_attention_heads: config.numAttentionHeads,
    num_key_value_heads: config.numKeyValueHeads,
    head_dim: config.headDim,
    vocab_size: config.vocabSize,
    max_position_embeddings: config.maxPositionEmbeddings,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: config.tieWordEmbeddings,
    // Written as null when absent: transformers would fill in the ids 1 and 2 of the first Llama.
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: eos.length === 0 ? null : eos.length === 1 ? eos[0] : eos,
    pad_token_id: config.padTokenId ?? null,
    torch_dtype: 'float32',
  };
}

function refuseUnsupported(file: string, json: JsonObject): void {
  const refuse = (expected: string, got: string): never => {
    throw new ToolError('config', { op: file, expected, got, hint: 'This model is not supported yet.' });
  };
  const modelType = json.model_type;
  if (typeof modelType !== 'string') {
    throw new ToolError('corrupt', { op: file, expected: 'a string model_type', got: describeJson(modelType) });
  }
  if (!SUPPORTED_MODEL_TYPES.includes(modelType)) {
    refuse(`model_type among ${SUPPORTED_MODEL_TYPES.join(', ')}`, describeJson(modelType));
  }
  for (const { key, off } of REFUSED_FIELDS) {
    const value = json[key];
    if (value !== undefined && value !== null && !off.includes(value)) {
      const wanted = off.length === 0 ? `no ${key}` : `${key} ${off.map(describeJson).join(' or ')}`;
      refuse(wanted, describeJson(value));
    }
  }
  // rope_scaling became rope_parameters in transformers 5; both carry the kind as rope_type, once spelt type.
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const rope = json[key];
    if (rope === undefined || rope === null) continue;
    const kind = isJsonObject(rope) ? (rope.rope_type ?? rope.type) : rope;
    if (kind !== 'default') refuse(`${key} of rope_type "default"`, describeJson(kind));
  }
}

function readRopeTheta(read: FieldReader, json: JsonObject): number {
  const parameters = json.rope_parameters;
  if (json.rope_theta === undefined && isJsonObject(parameters)) {
    return new FieldReader(`${read.file} rope_parameters`, parameters).positive('rope_theta', 10_000, 1e12);
  }
  return read.positive('rope_theta', 10_000, 1e12);
}

/** Typed access to the fields of one file, with its name in every message. `null` counts as absent. */
class FieldReader {
  readonly file: string;
  readonly #json: JsonObject;

  constructor(file: string, json: JsonObject) {
    this.file = file;
    this.#json = json;
  }

  /** An integer from `min` to `max`; without a fallback the field is required. */
  integer(key: string, min: number, max: number, fallback?: number): number {
    const value = this.#json[key] ?? fallback;
    if (
      typeof value !== 'number' ||
      (value !== fallback && !Number.isSafeInteger(value)) ||
      value < min ||
      value > max
    ) {
      throw this.corrupt(`${key} as an integer from ${min} to ${max}`, describeJson(value));
    }
    return value;
  }

  /** A finite number over 0 and at most `max`. */
  positive(key: string, fallback: number, max: number): number {
    const value = this.#json[key] ?? fallback;
    if (typeof value !== 'number' || !(value > 0) || value > max) {
      throw this.corrupt(`${key} over 0 and at most ${max}`, describeJson(value));
    }
    return value;
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.#json[key] ?? fallback;
    if (typeof value !== 'boolean') throw this.corrupt(`${key} as true or false`, describeJson(value));
    return value;
  }

  /** Some published configs write -1 for "no pad token". */
  tokenId(key: string, vocabSize: number): number | undefined {
    const ids = this.#json[key] === -1 ? [] : this.tokenIds(key, vocabSize);
    if (ids.length > 1) throw this.corrupt(`one ${key}`, `${ids.length}`);
    return ids[0];
  }

  /** A token id or a list of them. */
  tokenIds(key: string, vocabSize: number): readonly number[] {
    const value = this.#json[key] ?? [];
    const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
    return ids.map((id) => {
      if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0 || id >= vocabSize) {
        throw this.corrupt(`${key} from 0 to ${vocabSize - 1}`, describeJson(id));
      }
      return id;
    });
  }

  corrupt(expected: string, got: string): ToolError {
    return new ToolError('corrupt', { op: this.file, expected, got });
  }
}
