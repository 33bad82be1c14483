import { type SampleSettings, ToolError } from '@dawngrad/tensor';
import { describeJson, parseStrictJsonObject } from '../io/strict-json.ts';
import { FieldReader } from './field-reader.ts';

/** What generation_config.json says; absent where the file says nothing. */
export interface GenerationConfig {
  /** False: the most likely token each time, whatever the other settings. */
  readonly doSample?: boolean;
  /** At least 0; 0 is greedy. */
  readonly temperature?: number;
  /** 0 for no bound; files also write -1. */
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly bosTokenId?: number;
  /** Empty when the file names none. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId?: number;
  /** Texts that end a completion. Empty when the file names none. */
  readonly stopStrings: readonly string[];
  readonly maxNewTokens?: number;
  /** Prompt and completion together. */
  readonly maxLength?: number;
  /** Settings that would change the text and that generation has not, as `name value`; see `samplingDefaults`. */
  readonly unsupported: readonly string[];
}

/** How to sample, as a model's authors suggest. */
export interface SamplingDefaults {
  readonly settings: SampleSettings;
  readonly repetitionPenalty: number;
}

const CAP_BYTES = 1 << 20;
const MAX_TOKENS = 1 << 28;
const MAX_STOP_STRINGS = 64;

/**
 * Settings of transformers' generation that change the text and that are not implemented, with the values that mean
 * "off". Null is always off. Beam options (length_penalty, early_stopping) matter with beams only.
 */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  num_beam_groups: [1],
  diversity_penalty: [0],
  constraints: [],
  force_words_ids: [],
  bad_words_ids: [],
  no_repeat_ngram_size: [0],
  encoder_no_repeat_ngram_size: [0],
  encoder_repetition_penalty: [1],
  min_length: [0],
  min_new_tokens: [0],
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  top_h: [],
  penalty_alpha: [0],
  guidance_scale: [1],
  sequence_bias: [],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  forced_decoder_ids: [],
  exponential_decay_length_penalty: [],
  watermarking_config: [],
  dola_layers: [],
};

/**
 * Parses generation_config.json. Damaged or out of range: ToolError 'corrupt'. Settings that are not implemented are
 * no error here, since they do not matter to who trains or to who sets everything: `samplingDefaults` refuses them.
 */
export function parseGenerationConfig(
  text: string,
  { vocabSize, file = 'generation_config.json' }: { readonly vocabSize: number; readonly file?: string },
): GenerationConfig {
  if (text.length > CAP_BYTES) {
    throw new ToolError('corrupt', { op: file, expected: `at most ${CAP_BYTES} bytes`, got: `${text.length}` });
  }
  const read = new FieldReader(file, parseStrictJsonObject(file, text, { maxDepth: 32, maxKeys: 10_000 }));
  const integer = (key: string): number | undefined => (read.has(key) ? read.integer(key, 1, MAX_TOKENS) : undefined);
  const positive = (key: string, max: number): number | undefined =>
    read.has(key) ? read.positive(key, max) : undefined;
  const fields = {
    doSample: read.has('do_sample') ? read.boolean('do_sample', false) : undefined,
    temperature: read.value('temperature') === 0 ? 0 : positive('temperature', 1e6),
    topK: readTopK(read),
    topP: positive('top_p', 1),
    minP: read.value('min_p') === 0 ? 0 : positive('min_p', 1),
    repetitionPenalty: positive('repetition_penalty', 1e6),
    bosTokenId: read.tokenId('bos_token_id', vocabSize),
    padTokenId: read.tokenId('pad_token_id', vocabSize),
    maxNewTokens: integer('max_new_tokens'),
    maxLength: integer('max_length'),
  };
  const stated = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return {
    ...(stated as { readonly [key in keyof typeof fields]?: Exclude<(typeof fields)[key], undefined> }),
    eosTokenIds: read.tokenIds('eos_token_id', vocabSize),
    stopStrings: readStopStrings(read),
    unsupported: Object.entries(UNSUPPORTED).flatMap(([key, off]) => {
      const value = read.value(key);
      return value === undefined || off.includes(value) ? [] : [`${key} ${describeJson(value)}`];
    }),
  };
}

/** generation_config.json for `config`, as transformers writes it. */
export function generationConfigToJson(config: GenerationConfig): Readonly<Record<string, unknown>> {
  const { eosTokenIds: eos, stopStrings } = config;
  const fields = {
    do_sample: config.doSample,
    temperature: config.temperature,
    top_k: config.topK,
    top_p: config.topP,
    min_p: config.minP,
    repetition_penalty: config.repetitionPenalty,
    bos_token_id: config.bosTokenId,
    eos_token_id: eos.length === 0 ? undefined : eos.length === 1 ? eos[0] : eos,
    pad_token_id: config.padTokenId,
    stop_strings: stopStrings.length === 0 ? undefined : stopStrings,
    max_new_tokens: config.maxNewTokens,
    max_length: config.maxLength,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * How transformers would sample with a model's generation_config.json, or undefined where the file does not say
 * whether to sample. With `do_sample` true what is absent has transformers' defaults, among them a top-k of 50.
 * Throws ToolError 'config' naming each setting that would change the text and that generation has not.
 */
export function samplingDefaults(config: GenerationConfig): SamplingDefaults | undefined {
  if (config.unsupported.length > 0) {
    throw new ToolError('config', {
      op: 'generation_config.json',
      expected: 'settings that generation has',
      got: config.unsupported.join(', '),
      hint: 'set the sampling yourself to leave these out.',
    });
  }
  if (config.doSample === undefined) return undefined;
  const repetitionPenalty = config.repetitionPenalty ?? 1;
  if (!config.doSample) return { settings: { temperature: 0, topK: 0, topP: 1, minP: 0 }, repetitionPenalty };
  const { temperature = 1, topK = 50, topP = 1, minP = 0 } = config;
  return { settings: { temperature, topK, topP, minP }, repetitionPenalty };
}

function readTopK(read: FieldReader): number | undefined {
  if (!read.has('top_k')) return undefined;
  return read.value('top_k') === -1 ? 0 : read.integer('top_k', 0, MAX_TOKENS);
}

function readStopStrings(read: FieldReader): readonly string[] {
  const value = read.value('stop_strings') ?? [];
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isSound = texts.length <= MAX_STOP_STRINGS && texts.every((text) => typeof text === 'string' && text !== '');
  if (!isSound) {
    throw read.corrupt(`stop_strings of at most ${MAX_STOP_STRINGS} texts that are not empty`, describeJson(value));
  }
  return texts as readonly string[];
}
