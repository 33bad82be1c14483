import { ToolError } from '@dawngrad/tensor';
import type { Family } from '../families/family.ts';
import { FAMILIES } from '../families/table.ts';
import { describeJson, type JsonObject, parseStrictJsonObject } from '../io/strict-json.ts';
import { FieldReader } from './field-reader.ts';
import { refuseOtherModels } from './refused-fields.ts';
import { type RopeScaling, readRope, ropeToJson } from './rope-scaling.ts';

export type { RopeScaling } from './rope-scaling.ts';

/** Model families, by `model_type`. */
export type ModelType = 'llama' | 'qwen2' | 'qwen3' | 'mistral';

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

const CONFIG_CAP_BYTES = 1 << 20;
/** Bound on tokens, shared with the tokenizer: far above any published vocabulary. */
export const MAX_VOCAB_SIZE = 1_000_000;
const MAX_POSITIONS = 1 << 28;

/**
 * Parses config.json. Damaged or out-of-range: ToolError 'corrupt'; a sound file of a model that is not supported:
 * ToolError 'config' that names the field. The sizes are required; other fields that are absent get the defaults of
 * the family's class in transformers. A file that names no end token has none.
 */
export function parseDecoderConfig(text: string, file = 'config.json'): DecoderConfig {
  if (text.length > CONFIG_CAP_BYTES) {
    throw new ToolError('corrupt', { op: file, expected: `at most ${CONFIG_CAP_BYTES} bytes`, got: `${text.length}` });
  }
  const json = parseStrictJsonObject(file, text, { maxDepth: 32, maxKeys: 10_000 });
  const read = new FieldReader(file, json);
  const family = familyOf(read, json);
  refuseOtherModels(read);
  const numHiddenLayers = read.integer('num_hidden_layers', 1, 1024);
  const maxPositionEmbeddings = read.integer(
    'max_position_embeddings',
    1,
    MAX_POSITIONS,
    family.defaults.maxPositionEmbeddings,
  );
  const vocabSize = read.integer('vocab_size', 1, MAX_VOCAB_SIZE);
  const bosTokenId = read.tokenId('bos_token_id', vocabSize);
  const padTokenId = read.tokenId('pad_token_id', vocabSize);
  return {
    modelType: family.modelType,
    vocabSize,
    intermediateSize: read.integer('intermediate_size', 1, 1 << 22),
    numHiddenLayers,
    ...readHeads(read, family),
    maxPositionEmbeddings,
    rmsNormEps: read.positive('rms_norm_eps', 1, 1e-6),
    ...readRope(read, maxPositionEmbeddings),
    ...family.readOptions(read, numHiddenLayers),
    tieWordEmbeddings: read.boolean('tie_word_embeddings', false),
    ...(bosTokenId === undefined ? {} : { bosTokenId }),
    eosTokenIds: read.tokenIds('eos_token_id', vocabSize),
    ...(padTokenId === undefined ? {} : { padTokenId }),
  };
}

/** How the weights beside a config.json are stored. */
export type StoredDType = 'float32' | 'float16' | 'bfloat16';

/**
 * config.json for `config`, as transformers writes it. Throws ToolError 'config' for what a file of the family
 * cannot say, such as biases of a Qwen3's MLP.
 */
export function decoderConfigToJson(
  config: DecoderConfig,
  dtype: StoredDType = 'float32',
): Readonly<Record<string, unknown>> {
  const family = FAMILIES[config.modelType];
  const eos = config.eosTokenIds;
  return {
    architectures: [family.architecture],
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
    ...ropeToJson(config),
    hidden_act: 'silu',
    ...family.writeOptions(config),
    tie_word_embeddings: config.tieWordEmbeddings,
    // Written as null when absent: transformers would fill in the ids 1 and 2 of the first Llama.
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: eos.length === 0 ? null : eos.length === 1 ? eos[0] : eos,
    pad_token_id: config.padTokenId ?? null,
    torch_dtype: dtype,
  };
}

function familyOf(read: FieldReader, json: JsonObject): Family {
  const modelType = json.model_type;
  if (typeof modelType !== 'string') throw read.corrupt('a string model_type', describeJson(modelType));
  const family = Object.values(FAMILIES).find((known) => known.modelType === modelType);
  if (family === undefined) {
    throw read.unsupported(`model_type among ${Object.keys(FAMILIES).join(', ')}`, describeJson(modelType));
  }
  const architectures = read.value('architectures');
  // The first conversions of Llama spell it "LLaMAForCausalLM".
  const isKnown = (name: unknown): boolean =>
    typeof name === 'string' && name.toLowerCase() === family.architecture.toLowerCase();
  if (architectures !== undefined && !(Array.isArray(architectures) && architectures.every(isKnown))) {
    const got = Array.isArray(architectures) ? architectures.find((name) => !isKnown(name)) : architectures;
    throw read.unsupported(`architectures ["${family.architecture}"]`, describeJson(got));
  }
  return family;
}

function readHeads(
  read: FieldReader,
  { defaults }: Family,
): Pick<DecoderConfig, 'hiddenSize' | 'numAttentionHeads' | 'numKeyValueHeads' | 'headDim'> {
  const hiddenSize = read.integer('hidden_size', 1, 1 << 20);
  const numAttentionHeads = read.integer('num_attention_heads', 1, 4096);
  // Null means as many as query heads in each family; only an absent field has the family's default.
  const keyValueDefault = read.isNull('num_key_value_heads') ? undefined : defaults.numKeyValueHeads;
  const numKeyValueHeads = read.integer('num_key_value_heads', 1, 4096, keyValueDefault ?? numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    const note = read.has('num_key_value_heads') ? '' : ", the family's default";
    throw read.corrupt(`num_key_value_heads that divides ${numAttentionHeads}`, `${numKeyValueHeads}${note}`);
  }
  if (!read.has('head_dim') && defaults.headDim === undefined && hiddenSize % numAttentionHeads !== 0) {
    throw read.corrupt(
      `head_dim, or num_attention_heads that divides the hidden_size ${hiddenSize}`,
      `no head_dim and ${numAttentionHeads} heads`,
    );
  }
  const headDim = read.integer('head_dim', 1, 1024, defaults.headDim ?? hiddenSize / numAttentionHeads);
  if (headDim % 2 !== 0) throw read.corrupt('an even head_dim (rotary embeddings turn pairs)', `${headDim}`);
  return { hiddenSize, numAttentionHeads, numKeyValueHeads, headDim };
}
