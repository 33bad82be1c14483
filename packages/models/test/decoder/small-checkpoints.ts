import type { ModelFiles } from '../../src/io/byte-source.ts';
import { memoryFiles } from '../../src/io/memory-files.ts';
import { makeSafetensors } from '../io/make-safetensors.ts';

/** config.json of a small model, as a file has it. */
export type ConfigJson = Readonly<Record<string, unknown>> & {
  readonly model_type: string;
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim?: number;
};

const SIZES = {
  vocab_size: 41,
  hidden_size: 24,
  intermediate_size: 44,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
};
/** Weights of its linears lie side by side, and so do their biases: sizes are multiples of 64. */
const STACKED = { ...SIZES, hidden_size: 32, num_attention_heads: 4, head_dim: 32, intermediate_size: 64 };
/** A band of waves that are neither kept nor slowed, at the positions of these sequences. */
const LLAMA3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 16,
};

/** Every family with every option that it has, by name. */
export const SMALL_CHECKPOINTS: readonly (readonly [string, ConfigJson])[] = [
  ['llama with scaled rotation', { ...SIZES, model_type: 'llama', rope_theta: 500, rope_scaling: LLAMA3 }],
  [
    'tied llama with all biases and linear scaling',
    {
      ...SIZES,
      model_type: 'llama',
      attention_bias: true,
      mlp_bias: true,
      tie_word_embeddings: true,
      rope_scaling: { type: 'linear', factor: 2.5 },
    },
  ],
  [
    'llama of odd widths on one key head with YaRN',
    {
      ...SIZES,
      model_type: 'llama',
      hidden_size: 19,
      num_key_value_heads: 1,
      head_dim: 6,
      rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16, beta_fast: 4 },
    },
  ],
  [
    'qwen2 with a window from its second layer up',
    { ...SIZES, model_type: 'qwen2', use_sliding_window: true, sliding_window: 5, max_window_layers: 1 },
  ],
  ['tied qwen2 of stacked biases', { ...STACKED, model_type: 'qwen2', tie_word_embeddings: true, rope_theta: 1e6 }],
  [
    'tied qwen3 of wide heads',
    { ...SIZES, model_type: 'qwen3', head_dim: 16, rms_norm_eps: 1e-3, tie_word_embeddings: true },
  ],
  [
    'stacked qwen3 with biases and windows by layer',
    {
      ...STACKED,
      model_type: 'qwen3',
      num_hidden_layers: 3,
      attention_bias: true,
      use_sliding_window: true,
      sliding_window: 4,
      layer_types: ['sliding_attention', 'full_attention', 'sliding_attention'],
    },
  ],
  ['mistral with a window', { ...SIZES, model_type: 'mistral', sliding_window: 7 }],
];

export interface StoredWeight {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/**
 * Random weights of a small model by the names of its state dict, large enough that every part matters. All are bf16
 * numbers of at least 2^-14, or 0: F32, F16 and BF16 hold them alike.
 */
export function smallWeights(config: ConfigJson, seed = 1): Map<string, StoredWeight> {
  const found = new Map<string, StoredWeight>();
  const draw = normals(seed);
  for (const [name, shape] of stateDict(config)) {
    const isNorm = name.includes('norm');
    const scale = isNorm ? 0.3 : shape.length === 1 ? 0.5 : 1.5 / Math.sqrt(shape[1]!);
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float64Array.from({ length: size }, () => coarse((isNorm ? 1 : 0) + scale * draw()));
    found.set(name, { shape, values });
  }
  return found;
}

/** Names and shapes as the modules of transformers register them; biases and head norms by family. */
function stateDict(config: ConfigJson): [string, number[]][] {
  const { hidden_size: d, intermediate_size: f, vocab_size: v } = config;
  const width = config.head_dim ?? d / config.num_attention_heads;
  const [q, kv] = [config.num_attention_heads * width, config.num_key_value_heads * width];
  const isQwen2 = config.model_type === 'qwen2';
  const linears: [string, number, number, boolean][] = [
    ['self_attn.q_proj', q, d, isQwen2 || config.attention_bias === true],
    ['self_attn.k_proj', kv, d, isQwen2 || config.attention_bias === true],
    ['self_attn.v_proj', kv, d, isQwen2 || config.attention_bias === true],
    ['self_attn.o_proj', d, q, config.attention_bias === true],
    ['mlp.gate_proj', f, d, config.mlp_bias === true],
    ['mlp.up_proj', f, d, config.mlp_bias === true],
    ['mlp.down_proj', d, f, config.mlp_bias === true],
  ];
  const entries: [string, number[]][] = [['model.embed_tokens.weight', [v, d]]];
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const p = `model.layers.${layer}`;
    for (const [part, out, inner, bias] of linears) {
      entries.push([`${p}.${part}.weight`, [out, inner]]);
      if (bias) entries.push([`${p}.${part}.bias`, [out]]);
    }
    if (config.model_type === 'qwen3') {
      entries.push([`${p}.self_attn.q_norm.weight`, [width]], [`${p}.self_attn.k_norm.weight`, [width]]);
    }
    entries.push([`${p}.input_layernorm.weight`, [d]], [`${p}.post_attention_layernorm.weight`, [d]]);
  }
  entries.push(['model.norm.weight', [d]]);
  if (config.tie_word_embeddings !== true) entries.push(['lm_head.weight', [v, d]]);
  return entries;
}

/** How a checkpoint is stored. */
export interface Storage {
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly shards: number;
}

/** The files of a model in memory, each byte of them written here. */
export function checkpointFiles(weights: ReadonlyMap<string, StoredWeight>, { dtype, shards }: Storage): ModelFiles {
  const files = new Map<string, Uint8Array>();
  const nameOf = (shard: number): string =>
    shards === 1
      ? 'model.safetensors'
      : `model-${String(shard + 1).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}.safetensors`;
  const entries = [...weights];
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const own = entries.filter((_, i) => Math.floor((i * shards) / entries.length) === shard);
    const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
    const parts: number[] = [];
    for (const [name, { shape, values }] of own) {
      const begin = parts.length;
      for (const value of values) pushValue(parts, value, dtype);
      header[name] = { dtype, shape, data_offsets: [begin, parts.length] };
      weightMap[name] = nameOf(shard);
    }
    files.set(nameOf(shard), makeSafetensors(JSON.stringify(header), Uint8Array.from(parts)));
  }
  if (shards > 1) {
    const index = JSON.stringify({ metadata: { total_size: 0 }, weight_map: weightMap });
    files.set('model.safetensors.index.json', new TextEncoder().encode(index));
  }
  return memoryFiles('a small model', files);
}

/** Little-endian bytes of a value that `coarse` has made. */
function pushValue(bytes: number[], value: number, dtype: Storage['dtype']): void {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  if (dtype === 'F32') bytes.push(bits & 0xff, (bits >> 8) & 0xff, (bits >> 16) & 0xff, bits >>> 24);
  else if (dtype === 'BF16') bytes.push((bits >> 16) & 0xff, bits >>> 24);
  else {
    // Exponents of 8 bits around 127 become such of 5 bits around 15; of 7 bits of fraction none is lost.
    const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
    const half = value === 0 ? 0 : ((bits >>> 31) << 15) | (exponent << 10) | (((bits >>> 16) & 0x7f) << 3);
    bytes.push(half & 0xff, half >> 8);
  }
}

/** The value cut to a bf16 number, 0 for those that f16 would hold with fewer bits. */
function coarse(value: number): number {
  if (Math.abs(value) < 2 ** -14) return 0;
  const word = new Uint32Array(Float32Array.of(value).buffer);
  word[0]! &= 0xffff0000;
  return new Float32Array(word.buffer)[0]!;
}

/** Sums of uniform numbers from a small linear congruential generator: near enough to normal. */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32;
    }
    return sum;
  };
}
