import {
  type AttentionAttrs,
  appendToCache,
  attendCache,
  embedding,
  type KvCacheLayer,
  reshape,
  Tensor,
} from '@dawngrad/tensor';
import type { LlamaModel } from '../families/llama.ts';

/** Keys and values of the sequences that are being decoded: per layer [slots, capacity, K, E] each. */
export class KvCache {
  /** Rows a slot can hold. */
  readonly capacity: number;
  readonly #attrs: AttentionAttrs;
  readonly #layers: KvCacheLayer[];
  #slots: number;

  /** Its tensors belong to the open scope; their contents are undefined until they are appended. */
  constructor(model: LlamaModel, slots: number, capacity: number) {
    const { numHiddenLayers, numKeyValueHeads: k, headDim: e } = model.config;
    this.capacity = capacity;
    this.#slots = slots;
    this.#attrs = { scale: 1 / Math.sqrt(e), window: 0 };
    const empty = (role: string): Tensor =>
      Tensor.empty(model.device, [slots, capacity, k, e], 'f32', `models/kv-cache/${role}`);
    this.#layers = Array.from({ length: numHiddenLayers }, () => ({ keys: empty('keys'), values: empty('values') }));
  }

  get slots(): number {
    return this.#slots;
  }

  /** Writes k and v [N, K, E] at (slot, position), u32 [N] each; a slot of 0xffffffff leaves its row out. */
  append(layer: number, k: Tensor, v: Tensor, slot: Tensor, position: Tensor): void {
    appendToCache(this.#layers[layer]!, k, v, slot, position);
  }

  /** Attention of a query a slot, q [slots, H, E], over its first `length` rows, u32 [slots]: [slots, H, E]. */
  attend(layer: number, q: Tensor, length: Tensor): Tensor {
    return attendCache(q, this.#layers[layer]!, length, this.#attrs);
  }

  /** Keeps the slots that `kept`, u32 [n], names, as slots 0..n-1. Two launches a layer; a copy, so exact. */
  compact(kept: Tensor): void {
    this.#layers.forEach(({ keys, values }, layer) => {
      this.#layers[layer] = { keys: keepSlots(keys, kept), values: keepSlots(values, kept) };
    });
    this.#slots = kept.size;
  }
}

function keepSlots(cached: Tensor, kept: Tensor): Tensor {
  const [slots, ...row] = cached.shape as [number, ...number[]];
  const flat = reshape(cached, [slots, -1]);
  const moved = embedding(flat, kept);
  const result = reshape(moved, [kept.size, ...row]);
  for (const tensor of [flat, moved, cached]) tensor.dispose();
  return result;
}
