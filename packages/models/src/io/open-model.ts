import { ToolError } from '@dawngrad/tensor';
import { type DecoderConfig, parseDecoderConfig } from '../config/decoder-config.ts';
import { type GenerationConfig, parseGenerationConfig } from '../config/generation-config.ts';
import { checkTiedWeights, checkWeights } from '../decoder/check-weights.ts';
import { checkTokenizerFits, loadTokenizer, type Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ModelFiles } from './byte-source.ts';
import { WeightIndex } from './weight-index.ts';

export const CONFIG_FILE = 'config.json';
export const GENERATION_CONFIG_FILE = 'generation_config.json';
const CONFIG_CAP_BYTES = 1 << 20;

/** A model in Hugging Face's layout, opened: only the headers of its weights are in memory. */
export interface OpenModel {
  readonly config: DecoderConfig;
  readonly tokenizer: Tokenizer;
  /** Checked against the configuration. */
  readonly weights: WeightIndex;
  /** The directory that was opened: that of the adapter, if it is one. */
  readonly files: ModelFiles;
  /** What generation_config.json says; undefined where there is none. */
  readonly generationConfig: GenerationConfig | undefined;
  /** Ids that end a text: those of the tokenizer, config.json and generation_config.json together, ascending. */
  readonly stopIds: readonly number[];
}

/**
 * Opens config.json, the tokenizer and the headers of the weights, and checks that they belong together: every weight
 * of the configuration is there with its shape, in F32, F16 or BF16, and no other.
 * Something missing or not supported: ToolError 'config'; something damaged: 'corrupt'.
 */
export async function openModel(files: ModelFiles): Promise<OpenModel> {
  const names = await files.list();
  return openPlain(files, names);
}

async function openPlain(files: ModelFiles, names: readonly string[]): Promise<OpenModel> {
  if (!names.includes(CONFIG_FILE)) {
    throw new ToolError('config', {
      op: files.label,
      expected: CONFIG_FILE,
      got: 'no such file',
      hint: names.includes('adapter_config.json')
        ? 'This is an adapter: name the directory of its base model.'
        : 'Name the directory that holds config.json, tokenizer.json and model.safetensors.',
    });
  }
  const config = parseDecoderConfig(await files.readText(CONFIG_FILE, CONFIG_CAP_BYTES));
  const weights = await WeightIndex.open(files);
  checkWeights(config, weights);
  await checkTiedWeights(config, weights);
  const tokenizer = await loadTokenizer(files);
  checkTokenizerFits(tokenizer, config.vocabSize);
  const generationConfig = names.includes(GENERATION_CONFIG_FILE)
    ? parseGenerationConfig(await files.readText(GENERATION_CONFIG_FILE, CONFIG_CAP_BYTES), config)
    : undefined;
  const stopIds = allStopIds(config, tokenizer, generationConfig);
  return { config, tokenizer, weights, files, generationConfig, stopIds };
}

function allStopIds(
  config: DecoderConfig,
  tokenizer: Tokenizer,
  generation: GenerationConfig | undefined,
): readonly number[] {
  const ids = new Set([...config.eosTokenIds, ...tokenizer.eosIds, ...(generation?.eosTokenIds ?? [])]);
  return [...ids].sort((a, b) => a - b);
}
