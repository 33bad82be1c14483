import {
  type DecoderConfig,
  decoderConfigToJson,
  parseDecoderConfig,
  type StoredDType,
} from '../config/decoder-config.ts';
import { type DirectorySink, decodeUtf8 } from './byte-source.ts';
import { withConfigDType } from './config-dtype.ts';
import { CONFIG_FILE, GENERATION_CONFIG_FILE } from './open-model.ts';
import type { SideFiles } from './side-files.ts';
import { type FloatDType, sourceDType, type TensorSource } from './tensor-source.ts';
import { weightsSize, writeWeights } from './weight-shards.ts';

/** What goes into a saved model. */
export interface ModelContents {
  readonly config: DecoderConfig;
  readonly tensors: readonly TensorSource[];
  /**
   * Written byte for byte: the files of a tokenizer (`makeWordLevelTokenizer`), or all files
   * beside the weights of the model that this one comes from (`readSideFiles`). A config.json among them is kept,
   * with the element type of the weights, as long as it says what `config` says.
   */
  readonly sideFiles: SideFiles;
  /** generation_config.json where `sideFiles` have none; made from the config's special tokens when absent. */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  /** Largest file of weights, in bytes. Default 5 GB. */
  readonly maxShardBytes?: number;
}

const STORED_DTYPES: Readonly<Record<FloatDType, StoredDType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** Writes a model in Hugging Face's layout; of its weights one piece at a time is on the host. */
export async function writeModel(directory: DirectorySink, contents: ModelContents): Promise<void> {
  const { config, tensors, sideFiles, maxShardBytes } = contents;
  const write = (name: string, bytes: Uint8Array): Promise<void> =>
    directory.writeFile(name, (sink) => sink.write(bytes));
  await write(CONFIG_FILE, new TextEncoder().encode(configText(config, tensors, sideFiles.get(CONFIG_FILE))));
  if (!sideFiles.has(GENERATION_CONFIG_FILE)) {
    await write(GENERATION_CONFIG_FILE, encodeJson(contents.generationConfig ?? generationConfigOf(config)));
  }
  for (const [name, bytes] of sideFiles) if (name !== CONFIG_FILE) await write(name, bytes);
  await writeWeights(directory, tensors, maxShardBytes);
}

/** Bytes that `writeModel` needs on the disk, or somewhat more. */
export function modelSize({ tensors, sideFiles }: ModelContents): number {
  const sideBytes = [...sideFiles.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);
  return weightsSize(tensors) + sideBytes + 8192;
}

function configText(config: DecoderConfig, tensors: readonly TensorSource[], original: Uint8Array | undefined): string {
  const dtype = commonDType(tensors);
  if (original !== undefined) {
    const text = decodeUtf8(CONFIG_FILE, original);
    const isSame = JSON.stringify(parseDecoderConfig(text)) === JSON.stringify(config);
    if (isSame) return dtype === undefined ? text : withConfigDType(text, dtype);
  }
  return `${JSON.stringify(decoderConfigToJson(config, dtype), null, 2)}\n`;
}

/** The element type of most elements: norms may be wider than matrices. */
function commonDType(tensors: readonly TensorSource[]): StoredDType | undefined {
  const counts = new Map<StoredDType, number>();
  for (const tensor of tensors) {
    const dtype = STORED_DTYPES[sourceDType(tensor) as FloatDType];
    const elements = tensor.shape.reduce((product, dim) => product * dim, 1);
    if (dtype !== undefined) counts.set(dtype, (counts.get(dtype) ?? 0) + elements);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function generationConfigOf(config: DecoderConfig): Readonly<Record<string, unknown>> {
  const { bosTokenId, eosTokenIds, padTokenId } = config;
  return {
    ...(bosTokenId === undefined ? {} : { bos_token_id: bosTokenId }),
    ...(eosTokenIds.length === 0 ? {} : { eos_token_id: eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds }),
    ...(padTokenId === undefined ? {} : { pad_token_id: padTokenId }),
  };
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
