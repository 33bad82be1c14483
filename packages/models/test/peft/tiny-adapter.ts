import type { ModelFiles } from '../../src/io/byte-source.ts';
import { memoryFiles } from '../../src/io/memory-files.ts';
import {
  type StoredTensor,
  safetensorsOf,
  stored,
  type TinyOptions,
  tinyCheckpoint,
  values,
} from '../io/tiny-checkpoint.ts';

export const PREFIX = 'base_model.model.';

/** Shapes [out, in] of the linears of `tinyCheckpoint`, by the last part of their names. */
const SHAPES: Readonly<Record<string, readonly [number, number]>> = {
  'self_attn.q_proj': [8, 8],
  'self_attn.v_proj': [4, 8],
  'mlp.down_proj': [8, 12],
};

export interface TinyAdapterOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly rank?: number;
  readonly change?: (tensors: Map<string, StoredTensor>) => void;
}

/** An adapter for `tinyCheckpoint` with PEFT's names, made by hand: q, v and down of both layers. */
export function tinyAdapter({ config = {}, rank = 2, change }: TinyAdapterOptions = {}): Map<string, Uint8Array> {
  const tensors = new Map<string, StoredTensor>();
  for (const layer of [0, 1]) {
    for (const [part, [out, width]] of Object.entries(SHAPES)) {
      const name = `${PREFIX}model.layers.${layer}.${part}`;
      tensors.set(`${name}.lora_A.weight`, stored([rank, width], values(rank * width, tensors.size + 50)));
      tensors.set(`${name}.lora_B.weight`, stored([out, rank], values(out * rank, tensors.size + 50)));
    }
  }
  change?.(tensors);
  const json = {
    peft_type: 'LORA',
    r: rank,
    lora_alpha: 6,
    target_modules: ['q_proj', 'v_proj', 'down_proj'],
    base_model_name_or_path: 'org/tiny',
    ...config,
  };
  return new Map([
    ['adapter_config.json', new TextEncoder().encode(JSON.stringify(json))],
    ['adapter_model.safetensors', safetensorsOf(tensors)],
  ]);
}

export const tinyBase = (options: TinyOptions = {}): ModelFiles => memoryFiles('base', tinyCheckpoint(options));
