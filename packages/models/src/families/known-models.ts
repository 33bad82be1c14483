import { type DecoderConfig, type ModelType, parseDecoderConfig } from '../config/decoder-config.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A published model: what its config.json says. */
interface KnownModel {
  /** Name on the hub. */
  readonly id: string;
  readonly family: ModelType;
  readonly fields: Fields;
  /** What settings of the reference call it, if anything. */
  readonly alias?: string;
}

function known(id: string, family: ModelType, fields: Fields, alias?: string): KnownModel {
  return { id, family, fields, ...(alias === undefined ? {} : { alias }) };
}

function sizes(
  hidden_size: number,
  intermediate_size: number,
  num_hidden_layers: number,
  num_attention_heads: number,
  num_key_value_heads: number,
): Fields {
  return { hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads };
}

const QWEN2: Fields = {
  vocab_size: 151_936,
  max_position_embeddings: 32_768,
  rope_theta: 1e6,
  bos_token_id: 151_643,
  eos_token_id: 151_645,
};
const TIED: Fields = { tie_word_embeddings: true };
const QWEN3: Fields = { ...QWEN2, max_position_embeddings: 40_960, head_dim: 128 };

function llama3(factor: number): Fields {
  return {
    vocab_size: 128_256,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    rope_scaling: {
      rope_type: 'llama3',
      factor,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    },
    bos_token_id: 128_000,
    eos_token_id: [128_001, 128_008, 128_009],
  };
}

/**
 * Shapes of the models that the reference trains, of its critics and of their relatives, to plan without a download.
 * Their config.json files are the source.
 */
const KNOWN_MODELS: readonly KnownModel[] = [
  known('Qwen/Qwen2.5-0.5B-Instruct', 'qwen2', { ...QWEN2, ...TIED, ...sizes(896, 4864, 24, 14, 2) }),
  known('Qwen/Qwen2.5-1.5B-Instruct', 'qwen2', { ...QWEN2, ...TIED, ...sizes(1536, 8960, 28, 12, 2) }),
  known('Qwen/Qwen2.5-3B-Instruct', 'qwen2', { ...QWEN2, ...TIED, ...sizes(2048, 11_008, 36, 16, 2) }, 'qwen3b'),
  known(
    'Qwen/Qwen2.5-7B-Instruct',
    'qwen2',
    { ...QWEN2, vocab_size: 152_064, ...sizes(3584, 18_944, 28, 28, 4) },
    'qwen7b',
  ),
  known('Qwen/Qwen3-0.6B', 'qwen3', { ...QWEN3, ...TIED, ...sizes(1024, 3072, 28, 16, 8) }),
  known('Qwen/Qwen3-1.7B', 'qwen3', { ...QWEN3, ...TIED, ...sizes(2048, 6144, 28, 16, 8) }),
  known(
    'Qwen/Qwen3-4B-Instruct-2507',
    'qwen3',
    { ...QWEN3, ...TIED, max_position_embeddings: 262_144, rope_theta: 5e6, ...sizes(2560, 9728, 36, 32, 8) },
    'qwen4b',
  ),
  known('Qwen/Qwen3-8B', 'qwen3', { ...QWEN3, ...sizes(4096, 12_288, 36, 32, 8) }),
  known('meta-llama/Llama-3.2-1B-Instruct', 'llama', {
    ...llama3(32),
    ...TIED,
    ...sizes(2048, 8192, 16, 32, 8),
    head_dim: 64,
  }),
  known(
    'meta-llama/Llama-3.2-3B-Instruct',
    'llama',
    { ...llama3(32), ...TIED, ...sizes(3072, 8192, 28, 24, 8), head_dim: 128 },
    'llama3b',
  ),
  known('meta-llama/Llama-3.1-8B-Instruct', 'llama', { ...llama3(8), ...sizes(4096, 14_336, 32, 32, 8) }, 'llama8b'),
  known('mistralai/Mistral-7B-Instruct-v0.3', 'mistral', {
    vocab_size: 32_768,
    max_position_embeddings: 32_768,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
    sliding_window: null,
    bos_token_id: 1,
    eos_token_id: 2,
    ...sizes(4096, 14_336, 32, 32, 8),
  }),
];

/** Names on the hub of the models that `knownModel` knows. */
export function knownModelIds(): readonly string[] {
  return KNOWN_MODELS.map(({ id }) => id);
}

/**
 * The configuration of a published model by its name on the hub, without its owner or case if one likes, or by the
 * reference's alias; undefined where it is not listed.
 */
export function knownModel(name: string): DecoderConfig | undefined {
  const wanted = name.toLowerCase();
  const found = KNOWN_MODELS.find(({ id, alias }) =>
    [id, id.split('/')[1], alias].some((known) => known?.toLowerCase() === wanted),
  );
  return found && parseDecoderConfig(JSON.stringify({ model_type: found.family, ...found.fields }), found.id);
}
