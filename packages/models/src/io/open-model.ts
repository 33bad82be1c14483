import { ToolError } from '@dawngrad/tensor';
import { type DecoderConfig, parseDecoderConfig } from '../config/decoder-config.ts';
import { type GenerationConfig, parseGenerationConfig } from '../config/generation-config.ts';
import { checkTiedWeights, checkWeights } from '../decoder/check-weights.ts';
import { ADAPTER_CONFIG_FILE } from '../peft/adapter-config.ts';
import { fitAdapter, type OpenAdapter, openAdapter } from '../peft/open-adapter.ts';
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
  /** Checked against the configuration. With an adapter, the modules that it saved whole are in their places. */
  readonly weights: WeightIndex;
  /** The directory that was opened: that of the adapter, if it is one. */
  readonly files: ModelFiles;
  /** The directory with config.json: the same, or that of the adapter's base. */
  readonly baseFiles: ModelFiles;
  /** What generation_config.json says; undefined where there is none. */
  readonly generationConfig: GenerationConfig | undefined;
  /** Ids that end a text: those of the tokenizer, config.json and generation_config.json together, ascending. */
  readonly stopIds: readonly number[];
  /** Low-rank adapters to be used on these weights; undefined for a plain model. */
  readonly adapter: OpenAdapter | undefined;
}

export interface OpenModelOptions {
  /**
   * Finds the base model of an adapter: gets its `base_model_name_or_path`, empty where it names none, and `revision`.
   * Without it adapters are refused.
   */
  readonly openBase?: (name: string, revision: string | undefined) => Promise<ModelFiles>;
}

/**
 * Opens config.json, the tokenizer and the headers of the weights, and checks that they belong together: every weight
 * of the configuration is there with its shape, in F32, F16 or BF16, and no other. An adapter is opened with its base.
 * Something missing or not supported: ToolError 'config'; something damaged: 'corrupt'.
 */
export async function openModel(files: ModelFiles, options: OpenModelOptions = {}): Promise<OpenModel> {
  const names = await files.list();
  if (!names.includes(CONFIG_FILE) && names.includes(ADAPTER_CONFIG_FILE)) return openAdapted(files, options);
  return openPlain(files, names);
}

async function openPlain(files: ModelFiles, names: readonly string[]): Promise<OpenModel> {
  if (!names.includes(CONFIG_FILE)) {
    throw new ToolError('config', {
      op: files.label,
      expected: CONFIG_FILE,
      got: 'no such file',
      hint: 'Name the directory that holds config.json, tokenizer.json and model.safetensors.',
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
  return { config, tokenizer, weights, files, baseFiles: files, generationConfig, stopIds, adapter: undefined };
}

async function openAdapted(files: ModelFiles, { openBase }: OpenModelOptions): Promise<OpenModel> {
  const adapter = await openAdapter(files);
  const { baseModel, revision } = adapter.config;
  if (openBase === undefined) {
    throw new ToolError('config', {
      op: files.label,
      expected: CONFIG_FILE,
      got: `an adapter for ${baseModel ?? 'a base model that it does not name'}`,
      hint: 'This is an adapter: name the directory of its base model.',
    });
  }
  const base = await openModel(await openBase(baseModel ?? '', revision));
  fitAdapter(adapter, base.config, base.weights);
  const weights = base.weights.withTensors(adapter.file, adapter.savedTensors);
  await checkTiedWeights(base.config, weights);
  // An adapter that brings a tokenizer was trained with that one: it may have another chat template.
  const own = (await files.list()).includes('tokenizer.json') ? await loadTokenizer(files) : undefined;
  if (own !== undefined) checkTokenizerFits(own, base.config.vocabSize);
  const tokenizer = own ?? base.tokenizer;
  const stopIds = allStopIds(base.config, tokenizer, base.generationConfig);
  return { ...base, tokenizer, weights, files, stopIds, adapter };
}

function allStopIds(
  config: DecoderConfig,
  tokenizer: Tokenizer,
  generation: GenerationConfig | undefined,
): readonly number[] {
  const ids = new Set([...config.eosTokenIds, ...tokenizer.eosIds, ...(generation?.eosTokenIds ?? [])]);
  return [...ids].sort((a, b) => a - b);
}
