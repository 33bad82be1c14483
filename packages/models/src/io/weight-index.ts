import { ToolError } from '@dawngrad/tensor';
import type { ModelFiles } from './byte-source.ts';
import { type RawChunk, SafetensorsFile, type TensorChunk } from './safetensors.ts';
import type { TensorEntry } from './safetensors-header.ts';
import { describeJson, isJsonObject, parseStrictJsonObject } from './strict-json.ts';

const SINGLE_FILE = 'model.safetensors';
const SHARD_INDEX = 'model.safetensors.index.json';
const INDEX_CAP_BYTES = 32 << 20;
const MAX_SHARDS = 1024;

/** All tensors of a model, in one file or in shards. Only headers are in memory. */
export class WeightIndex {
  readonly #fileOf: ReadonlyMap<string, SafetensorsFile>;

  private constructor(fileOf: ReadonlyMap<string, SafetensorsFile>) {
    this.#fileOf = fileOf;
  }

  /**
   * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names. No weights at all: ToolError
   * 'config'; an index or a shard that lies: 'corrupt'.
   */
  static async open(files: ModelFiles): Promise<WeightIndex> {
    const names = await files.list();
    // Like transformers: the single file wins where both are present.
    if (names.includes(SINGLE_FILE)) {
      const file = await SafetensorsFile.open(await files.open(SINGLE_FILE));
      return new WeightIndex(new Map([...file.tensors.keys()].map((name) => [name, file])));
    }
    if (names.includes(SHARD_INDEX)) return new WeightIndex(await openShards(files, names));
    throw missingWeights(files.label, names);
  }

  get names(): readonly string[] {
    return [...this.#fileOf.keys()];
  }

  has(name: string): boolean {
    return this.#fileOf.has(name);
  }

  /** Throws ToolError 'corrupt' when the model has no tensor `name`. */
  entry(name: string): TensorEntry {
    return this.#file(name).entry(name);
  }

  /** A float tensor as f32, flattened; see `SafetensorsFile.readF32`. */
  async readF32(name: string): Promise<Float32Array<ArrayBuffer>> {
    return this.#file(name).readF32(name);
  }

  /** A float tensor as f32 in pieces; see `SafetensorsFile.readF32Chunks`. */
  readF32Chunks(name: string, chunkBytes?: number): AsyncGenerator<TensorChunk> {
    return this.#file(name).readF32Chunks(name, chunkBytes);
  }

  /** A tensor in its stored form in pieces; see `SafetensorsFile.readChunks`. */
  readChunks(name: string, chunkBytes?: number): AsyncGenerator<RawChunk> {
    return this.#file(name).readChunks(name, chunkBytes);
  }

  #file(name: string): SafetensorsFile {
    const file = this.#fileOf.get(name);
    if (file === undefined) {
      throw new ToolError('corrupt', {
        op: 'weights',
        expected: `a tensor ${name}`,
        got: `${this.#fileOf.size} tensors, none of that name`,
        hint: 'config.json and the weights may belong to different models.',
      });
    }
    return file;
  }
}

async function openShards(files: ModelFiles, names: readonly string[]): Promise<ReadonlyMap<string, SafetensorsFile>> {
  const text = await files.readText(SHARD_INDEX, INDEX_CAP_BYTES);
  const json = parseStrictJsonObject(SHARD_INDEX, text, { maxDepth: 8, maxKeys: 1_000_000 });
  const weightMap = json.weight_map;
  if (!isJsonObject(weightMap)) throw corruptIndex('an object weight_map', describeJson(weightMap));
  const shardOf = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(weightMap)) {
    // A shard is a plain name in the same folder: no path can be written in it, whatever the platform.
    if (typeof shard !== 'string' || !/^[\w.-]+\.safetensors$/.test(shard)) {
      throw corruptIndex(`the name of a .safetensors file for ${tensor}`, describeJson(shard));
    }
    shardOf.set(tensor, shard);
  }
  const shards = new Map<string, SafetensorsFile>();
  for (const shard of new Set(shardOf.values())) {
    if (!names.includes(shard)) throw corruptIndex(`the shard ${shard} in ${files.label}`, 'no such file');
    if (shards.size >= MAX_SHARDS) throw corruptIndex(`at most ${MAX_SHARDS} shards`, 'more');
    shards.set(shard, await SafetensorsFile.open(await files.open(shard)));
  }
  const fileOf = new Map<string, SafetensorsFile>();
  for (const [tensor, shard] of shardOf) {
    const file = shards.get(shard)!;
    if (!file.tensors.has(tensor)) throw corruptIndex(`${tensor} in ${shard}`, 'no tensor of that name there');
    fileOf.set(tensor, file);
  }
  return fileOf;
}

function corruptIndex(expected: string, got: string): ToolError {
  return new ToolError('corrupt', { op: SHARD_INDEX, expected, got });
}

/** Pickle runs code when it is loaded, so it is refused by name rather than overlooked. */
function missingWeights(label: string, names: readonly string[]): ToolError {
  const pickled = names.find((name) => /\.(bin|pt|pth|ckpt|pkl)$/i.test(name));
  return new ToolError('config', {
    op: label,
    expected: SINGLE_FILE,
    got: pickled === undefined ? 'no weights' : `${pickled}, a pickle file`,
    hint:
      pickled === undefined
        ? `A model directory holds config.json, tokenizer.json and ${SINGLE_FILE}.`
        : 'Loading a pickle runs code from it, so it is not supported: save the model again with safe_serialization.',
  });
}
