import { bindable, scope, Tensor } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import { packSequences } from '../nn/packed-batch.ts';
import type { KvCache } from './kv-cache.ts';

/** A sample that enters a slot. */
export interface Placement {
  readonly request: number;
  readonly slot: number;
}

/** Keys and values of some prompts in a row. */
interface Chunk {
  /** The requests first..end-1. */
  readonly first: number;
  readonly end: number;
  /** First packed row of each of them. */
  readonly starts: readonly number[];
  /** Per layer keys and values, [N, 2K, E]. */
  readonly kv: readonly Tensor[];
}

/**
 * Runs each prompt through the model once, many prompts packed in a forward, and copies its keys and
 * values to every slot that continues it. The last token of a prompt is left out: it is the first
 * input of the decoding, whose logits are needed.
 */
export class PromptCache {
  readonly #model: DecoderModel;
  readonly #prompts: readonly Uint32Array[];
  readonly #adapters: boolean;
  readonly #maxRows: number;
  #chunk: Chunk | undefined;

  /** `maxRows` bounds the tokens of a forward, unless one prompt alone has more, and those of a copy. */
  constructor(model: DecoderModel, prompts: readonly Uint32Array[], adapters: boolean, maxRows: number) {
    this.#model = model;
    this.#prompts = prompts;
    this.#adapters = adapters;
    this.#maxRows = maxRows;
  }

  /** Fills slots. Requests must come in order, over all calls. Call it in the scope that owns the cache. */
  admit(cache: KvCache, placements: readonly Placement[]): void {
    let waiting: Placement[] = [];
    for (const placement of placements) {
      if (this.#chunk === undefined || placement.request >= this.#chunk.end) {
        this.#place(cache, waiting);
        waiting = [];
        this.dispose();
        this.#chunk = this.#prefill(placement.request);
      }
      waiting.push(placement);
    }
    this.#place(cache, waiting);
  }

  dispose(): void {
    for (const tensor of this.#chunk?.kv ?? []) tensor.dispose();
    this.#chunk = undefined;
  }

  #prefill(first: number): Chunk {
    const bodies: Uint32Array[] = [];
    const starts: number[] = [];
    let rows = 0;
    let end = first;
    for (; end < this.#prompts.length; end++) {
      const body = this.#prompts[end]!.subarray(0, -1);
      if (end > first && rows + body.length > this.#maxRows) break;
      starts.push(rows);
      rows += body.length;
      if (body.length > 0) bodies.push(body);
    }
    return { first, end, starts, kv: this.#forward(bodies) };
  }

  #forward(bodies: readonly Uint32Array[]): Tensor[] {
    const kv: Tensor[] = [];
    if (bodies.length === 0) return kv;
    const { device, config } = this.#model;
    return scope(() => {
      const batch = packSequences(device, bodies);
      let x = this.#model.embed(batch.ids);
      for (let layer = 0; layer < config.numHiddenLayers; layer++) {
        // A scope a layer: only the residual stream and what the cache needs outlive it.
        const [next, kept] = scope(() => {
          const found: Tensor[] = [];
          const y = this.#model.block(
            layer,
            x,
            (qkv) => {
              const mixed = this.#model.attend(qkv, batch);
              found.push(keysAndValues(qkv, config.numAttentionHeads));
              return mixed;
            },
            this.#adapters,
          );
          return [y, found[0]!] as const;
        });
        kv.push(kept);
        x.dispose();
        x = next;
      }
      return kv;
    });
  }

  /** Copies the rows of the chunk's prompts into their slots: a launch a layer. */
  #place(cache: KvCache, placements: readonly Placement[]): void {
    const chunk = this.#chunk;
    if (chunk === undefined) return;
    const source: number[] = [];
    const slot: number[] = [];
    const position: number[] = [];
    for (const placement of placements) {
      const start = chunk.starts[placement.request - chunk.first]!;
      for (let i = 0; i < this.#prompts[placement.request]!.length - 1; i++) {
        source.push(start + i);
        slot.push(placement.slot);
        position.push(i);
      }
    }
    for (let from = 0; from < source.length; from += this.#maxRows) {
      scope(() => {
        const upload = (all: readonly number[], role: string): Tensor => {
          const part = Uint32Array.from(all.slice(from, from + this.#maxRows));
          return Tensor.from(this.#model.device, part, [part.length], 'u32', `models/prompt-cache/${role}`);
        };
        const rows = {
          source: upload(source, 'source'),
          slot: upload(slot, 'slot'),
          position: upload(position, 'position'),
        };
        chunk.kv.forEach((kv, layer) => {
          cache.append(layer, kv, rows);
        });
      });
    }
  }
}

/** A copy of the key and value heads of qkv [N, H + 2K, E], turned as the attention left them: [N, 2K, E]. */
function keysAndValues(qkv: Tensor, heads: number): Tensor {
  const [rows, all, width] = qkv.shape as [number, number, number];
  const columns = qkv.view([rows, all - heads, width], qkv.strides, qkv.offset + heads * width);
  return bindable(columns);
}
