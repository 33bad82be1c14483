import { ToolError } from '@dawngrad/tensor';
import { type DecoderConfig, decoderConfigToJson, parseDecoderConfig } from '../config/decoder-config.ts';
import { checkTokenizerFits, loadTokenizer, type Tokenizer } from '../tokenizer/tokenizer.ts';
import type { TokenizerFiles } from '../tokenizer/tokenizer-files.ts';
import type { DirectorySink, ModelFiles } from './byte-source.ts';
import { safetensorsSize, type TensorSource, writeSafetensors } from './safetensors-writer.ts';
import { parseStrictJsonObject } from './strict-json.ts';
import { WeightIndex } from './weight-index.ts';

const CONFIG_FILE = 'config.json';
const GENERATION_CONFIG_FILE = 'generation_config.json';
const WEIGHTS_FILE = 'model.safetensors';
const CONFIG_CAP_BYTES = 1 << 20;
/** What transformers writes, so that its loader knows the layout of the tensors. */
const WEIGHTS_METADATA = { format: 'pt' };

/** A model in Hugging Face's layout, opened: only the headers of its weights are in memory. */
export interface OpenModel {
  readonly config: DecoderConfig;
  readonly tokenizer: Tokenizer;
  readonly weights: WeightIndex;
  readonly files: ModelFiles;
  /** Ids that end a text: those of the tokenizer, config.json and generation_config.json together, ascending. */
  readonly stopIds: readonly number[];
}

/** What goes into a saved model. */
export interface ModelContents {
  readonly config: DecoderConfig;
  readonly tensors: readonly TensorSource[];
  /** Copied byte for byte; see `readTokenizerFiles` and `makeWordLevelTokenizer`. */
  readonly tokenizerFiles: TokenizerFiles;
  /** generation_config.json; made from the config's special tokens when absent. */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
}

/**
 * Opens config.json, the tokenizer and the headers of the weights, and checks that they belong together.
 * Something missing or not supported: ToolError 'config'; something damaged: 'corrupt'.
 */
export async function openModel(files: ModelFiles): Promise<OpenModel> {
  const names = await files.list();
  if (!names.includes(CONFIG_FILE)) {
    const hint = names.includes('adapter_config.json')
      ? 'This is an adapter: name the directory of its base model.'
      : 'Name the directory that holds config.json, tokenizer.json and model.safetensors.';
    throw new ToolError('config', { op: files.label, expected: CONFIG_FILE, got: 'no such file', hint });
  }
  const config = parseDecoderConfig(await files.readText(CONFIG_FILE, CONFIG_CAP_BYTES));
  const weights = await WeightIndex.open(files);
  const tokenizer = await loadTokenizer(files);
  checkTokenizerFits(tokenizer, config.vocabSize);
  const generationEos = names.includes(GENERATION_CONFIG_FILE) ? await readGenerationEos(files, config.vocabSize) : [];
  const stopIds = [...new Set([...config.eosTokenIds, ...tokenizer.eosIds, ...generationEos])].sort((a, b) => a - b);
  return { config, tokenizer, weights, files, stopIds };
}

/** Writes a model in Hugging Face's layout, one tensor at a time. */
export async function writeModel(directory: DirectorySink, contents: ModelContents): Promise<void> {
  const { config, tensors, tokenizerFiles } = contents;
  await writeJson(directory, CONFIG_FILE, decoderConfigToJson(config));
  await writeJson(directory, GENERATION_CONFIG_FILE, contents.generationConfig ?? generationConfigOf(config));
  for (const [name, bytes] of tokenizerFiles) await directory.writeFile(name, (sink) => sink.write(bytes));
  await directory.writeFile(WEIGHTS_FILE, (sink) => writeSafetensors(sink, tensors, WEIGHTS_METADATA));
}

/** Bytes that `writeModel` needs on the disk, to a few hundred. */
export function modelSize({ tensors, tokenizerFiles }: ModelContents): number {
  const tokenizerBytes = [...tokenizerFiles.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);
  return safetensorsSize(tensors, WEIGHTS_METADATA) + tokenizerBytes + 4096;
}

function generationConfigOf(config: DecoderConfig): Readonly<Record<string, unknown>> {
  const { bosTokenId, eosTokenIds, padTokenId } = config;
  return {
    ...(bosTokenId === undefined ? {} : { bos_token_id: bosTokenId }),
    ...(eosTokenIds.length === 0 ? {} : { eos_token_id: eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds }),
    ...(padTokenId === undefined ? {} : { pad_token_id: padTokenId }),
  };
}

async function readGenerationEos(files: ModelFiles, vocabSize: number): Promise<readonly number[]> {
  const text = await files.readText(GENERATION_CONFIG_FILE, CONFIG_CAP_BYTES);
  const json = parseStrictJsonObject(GENERATION_CONFIG_FILE, text, { maxDepth: 32, maxKeys: 10_000 });
  const value = json.eos_token_id ?? [];
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  return ids.map((id) => {
    if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 && id < vocabSize) return id;
    throw new ToolError('corrupt', {
      op: GENERATION_CONFIG_FILE,
      expected: `eos_token_id from 0 to ${vocabSize - 1}`,
      got: String(id),
    });
  });
}

async function writeJson(directory: DirectorySink, name: string, value: unknown): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  await directory.writeFile(name, (sink) => sink.write(bytes));
}
