import { type DecoderConfig, parseDecoderConfig } from '../../src/config/decoder-config.ts';
import { weightSpecs } from '../../src/decoder/weight-specs.ts';
import { narrowBf16, narrowF16 } from '../../src/io/float-formats.ts';
import type { FloatDType } from '../../src/io/tensor-source.ts';
import { makeWordLevelTokenizer } from '../../src/tokenizer/word-level.ts';
import { makeSafetensors } from './make-safetensors.ts';

/** A tensor of a file made by hand. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export const TINY_CONFIG_JSON = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 6,
  max_position_embeddings: 32,
  bos_token_id: 0,
  eos_token_id: 1,
  torch_dtype: 'float32',
};

/** Values that differ from tensor to tensor and from seed to seed, about 0.3 in size. */
export function values(size: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * 0.3);
}

export function stored(
  shape: readonly number[],
  data: Float32Array<ArrayBuffer>,
  dtype: FloatDType = 'F32',
): StoredTensor {
  if (dtype === 'F32') return { dtype, shape, bytes: new Uint8Array(data.buffer) };
  const words = new Uint16Array(data.length);
  (dtype === 'BF16' ? narrowBf16 : narrowF16)(data, words);
  return { dtype, shape, bytes: new Uint8Array(words.buffer) };
}

/** A safetensors file of these tensors, in their order. */
export function safetensorsOf(tensors: ReadonlyMap<string, StoredTensor>): Uint8Array {
  let at = 0;
  const entries: string[] = [];
  for (const [name, { dtype, shape, bytes }] of tensors) {
    const end = at + bytes.byteLength;
    entries.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${at},${end}]}`);
    at = end;
  }
  const data = new Uint8Array(at);
  at = 0;
  for (const { bytes } of tensors.values()) {
    data.set(bytes, at);
    at += bytes.byteLength;
  }
  return makeSafetensors(`{${entries.join(',')}}`, data);
}

/** All weights of a configuration, by name. */
function weightsOf(config: DecoderConfig, dtype: FloatDType = 'F32'): Map<string, StoredTensor> {
  return new Map(
    weightSpecs(config).map(({ name, shape }, i) => [
      name,
      stored(
        shape,
        values(
          shape.reduce((a, b) => a * b),
          i,
        ),
        dtype,
      ),
    ]),
  );
}

export interface TinyOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dtype?: FloatDType;
  /** Changes the tensors before they are stored. */
  readonly change?: (weights: Map<string, StoredTensor>) => void;
  /** Weights in two shards with an index instead of one file. */
  readonly isSharded?: boolean;
}

/** The files of a small, complete model, by name. */
export function tinyCheckpoint({
  config = {},
  dtype = 'F32',
  change,
  isSharded = false,
}: TinyOptions = {}): Map<string, Uint8Array> {
  const json = { ...TINY_CONFIG_JSON, ...config };
  const weights = weightsOf(parseDecoderConfig(JSON.stringify(json)), dtype);
  change?.(weights);
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const files = new Map<string, Uint8Array>([
    ['config.json', text(`${JSON.stringify(json, null, 1)}\n`)],
    ['generation_config.json', text('{"eos_token_id": [1, 2], "temperature": 0.60}')],
    ...makeWordLevelTokenizer({
      words: ['yes', 'no'],
      specialTokens: ['<bos>', '<eos>'],
      bosToken: '<bos>',
      eosToken: '<eos>',
    }),
  ]);
  if (!isSharded) return files.set('model.safetensors', safetensorsOf(weights));
  const all = [...weights];
  const cut = Math.floor(all.length / 2);
  const shards = new Map([
    ['model-00001-of-00002.safetensors', new Map(all.slice(0, cut))],
    ['model-00002-of-00002.safetensors', new Map(all.slice(cut))],
  ]);
  const weightMap: Record<string, string> = {};
  for (const [file, tensors] of shards) {
    files.set(file, safetensorsOf(tensors));
    for (const name of tensors.keys()) weightMap[name] = file;
  }
  return files.set('model.safetensors.index.json', text(JSON.stringify({ metadata: {}, weight_map: weightMap })));
}
