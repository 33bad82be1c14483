import { ToolError } from '@dawngrad/tensor';
import type { ModelFiles } from './byte-source.ts';
import { type RawChunk, SafetensorsFile, type TensorChunk } from './safetensors.ts';
import type { TensorEntry } from './safetensors-header.ts';
import { describeJson, isJsonObject, parseStrictJsonObject } from './strict-json.ts';

export const SINGLE_FILE = 'model.safetensors';
export const SHARD_INDEX = 'model.safetensors.index.json';
const INDEX_CAP_BYTES = 32 << 20;
const MAX_SHARDS = 1024;

/** Where a tensor of a model is: a file, and what it is called there. */
interface TensorPlace {
  readonly file: SafetensorsFile;
  readonly storedName: string;
}

/** All tensors of a model, in one file or in shards. Only headers are in memory. */
export class WeightIndex {
  readonly #places: ReadonlyMap<string, TensorPlace>;

  private constructor(places: ReadonlyMap<string, TensorPlace>) {
    this.#places = places;
  }

  /**
   * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names. No weights at all: ToolError
   * 'config'; an index or a shard that lies: 'corrupt'.
   */
  static async open(files: ModelFiles): Promise<WeightIndex> {
    const names = await files.list();
    // Like transformers: the single file wins where both are present.
    if (names.includes(SINGLE_FILE)) return WeightIndex.of(await SafetensorsFile.open(await files.open(SINGLE_FILE)));
    if (names.includes(SHARD_INDEX)) return new WeightIndex(await openShards(files, names));
    throw missingWeights(files.label, names);
  }

  /** The tensors of one file. */
  static of(file: SafetensorsFile): WeightIndex {
    return new WeightIndex(new Map([...file.tensors.keys()].map((name) => [name, { file, storedName: name }])));
  }

  /** These tensors with some replaced, or added, by tensors of another file; `replaced` has their names there. */
  withTensors(file: SafetensorsFile, replaced: ReadonlyMap<string, string>): WeightIndex {
    const places = new Map(this.#places);
    for (const [name, storedName] of replaced) places.set(name, { file, storedName });
    return new WeightIndex(places);
  }

  get names(): readonly string[] {
    return [...this.#places.keys()];
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** Throws ToolError 'corrupt' when the model has no tensor `name`. */
  entry(name: string): TensorEntry {
    const { file, storedName } = this.#place(name);
    return file.entry(storedName);
  }

  /** The name of the file that holds a tensor, for messages. */
  fileOf(name: string): string {
    return this.#place(name).file.name;
  }

  /** A float tensor as f32, flattened; see `SafetensorsFile.readF32`. */
  async readF32(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { file, storedName } = this.#place(name);
    return file.readF32(storedName);
  }

  /** A float tensor as f32 in pieces; see `SafetensorsFile.readF32Chunks`. */
  readF32Chunks(name: string, chunkBytes?: number): AsyncGenerator<TensorChunk> {
    const { file, storedName } = this.#place(name);
    return file.readF32Chunks(storedName, chunkBytes);
  }

  /** A tensor in its stored form in pieces; see `SafetensorsFile.readChunks`. */
  readChunks(name: string, chunkBytes?: number): AsyncGenerator<RawChunk> {
    const { file, storedName } = this.#place(name);
    return file.readChunks(storedName, chunkBytes);
  }

  #place(name: string): TensorPlace {
    const place = this.#places.get(name);
    if (place === undefined) {
      throw new ToolError('corrupt', {
        op: 'weights',
        expected: `a tensor ${name}`,
        got: `${this.#places.size} tensors, none of that name`,
        hint: 'config.json and the weights may belong to different models.',
      });
    }
    return place;
  }
}

async function openShards(files: ModelFiles, names: readonly string[]): Promise<ReadonlyMap<string, TensorPlace>> {
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
  const places = new Map<string, TensorPlace>();
  for (const [tensor, shard] of shardOf) {
    const file = shards.get(shard)!;
    if (!file.tensors.has(tensor)) throw corruptIndex(`${tensor} in ${shard}`, 'no tensor of that name there');
    places.set(tensor, { file, storedName: tensor });
  }
  for (const [shard, file] of shards) {
    // Loaders that take all tensors of each shard would load another model.
    const stray = [...file.tensors.keys()].find((tensor) => shardOf.get(tensor) !== shard);
    if (stray !== undefined) throw corruptIndex(`every tensor of ${shard} in weight_map`, `${stray} left out there`);
  }
  return places;
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
