import {
  appendToCache,
  attendCache,
  type CacheRows,
  concat,
  embedding,
  type KvCacheLayer,
  reshape,
  scope,
  Tensor,
} from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';

/** What keys and values are kept in. In 16 bits they take half the memory, and are rounded as they are written. */
export type CacheDType = 'f32' | 'f16' | 'bf16';

/** Keys and values of the sequences that are being decoded: per layer [slots, capacity, K, E] each. */
export class KvCache {
  /** Rows a slot can hold. */
  readonly capacity: number;
  readonly #model: DecoderModel;
  readonly #layers: KvCacheLayer[];
  #slots: number;

  /** Its tensors belong to the open scope; their contents are undefined until they are appended. */
  constructor(model: DecoderModel, slots: number, capacity: number, dtype: CacheDType) {
    const { numHiddenLayers, numKeyValueHeads: k, headDim: e } = model.config;
    this.capacity = capacity;
    this.#model = model;
    this.#slots = slots;
    const empty = (role: string): Tensor =>
      Tensor.empty(model.device, [slots, capacity, k, e], dtype, `models/kv-cache/${role}`);
    this.#layers = Array.from({ length: numHiddenLayers }, () => ({ keys: empty('keys'), values: empty('values') }));
  }

  get slots(): number {
    return this.#slots;
  }

  /** Writes rows of kv [N, 2K, E], whose keys are turned, where `rows` says. */
  append(layer: number, kv: Tensor, rows: CacheRows): void {
    appendToCache(this.#layers[layer]!, kv, rows);
  }

  /**
   * Takes in a token a slot and attends with it. qkv [slots, H + 2K, E], not turned yet; `length`, u32 [slots],
   * counts its rows with the new one, 0 for an idle slot: [slots, H, E].
   */
  attend(layer: number, qkv: Tensor, length: Tensor): Tensor {
    const { attrs, norms } = this.#model.attention(layer);
    return attendCache(qkv, this.#layers[layer]!, length, attrs, this.#model.ropeTable, norms);
  }

  /** Copies rows from slots to others, at the same positions. Only for a cache in f32. */
  copyRows(rows: readonly { readonly from: number; readonly to: number; readonly position: number }[]): void {
    const { device } = this.#model;
    const { numKeyValueHeads: k, headDim: e } = this.#model.config;
    const upload = (values: readonly number[], role: string): Tensor =>
      Tensor.from(device, Uint32Array.from(values), [values.length], 'u32', `models/kv-cache/${role}`);
    scope(() => {
      const source = upload(
        rows.map(({ from, position }) => from * this.capacity + position),
        'source',
      );
      const places: CacheRows = {
        source: upload(
          rows.map((_, i) => i),
          'copied',
        ),
        slot: upload(
          rows.map(({ to }) => to),
          'slot',
        ),
        position: upload(
          rows.map(({ position }) => position),
          'position',
        ),
      };
      this.#layers.forEach((layer) => {
        const read = (cached: Tensor): Tensor =>
          reshape(embedding(reshape(cached, [this.#slots * this.capacity, k * e]), source), [rows.length, k, e]);
        appendToCache(layer, concat([read(layer.keys), read(layer.values)], 1), places);
      });
    });
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
