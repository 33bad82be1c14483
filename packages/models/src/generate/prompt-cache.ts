import { bindable, scope, scopeAsync, sizeOf, Tensor } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import { packSequences } from '../nn/packed-batch.ts';
import type { KvCache } from './kv-cache.ts';

/** Work that may go by without a look at whether to stop: some tenths of a second on a CPU. */
const FLOPS_BETWEEN_LOOKS = 3e10;

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
  readonly #shouldStop: () => boolean;
  #chunk: Chunk | undefined;

  /** `maxRows` bounds the tokens of a forward, unless one prompt alone has more, and those of a copy. */
  constructor(
    model: DecoderModel,
    prompts: readonly Uint32Array[],
    options: { readonly adapters: boolean; readonly maxRows: number; readonly shouldStop: () => boolean },
  ) {
    this.#model = model;
    this.#prompts = prompts;
    this.#adapters = options.adapters;
    this.#maxRows = options.maxRows;
    this.#shouldStop = options.shouldStop;
  }

  /**
   * Fills slots. Requests must come in order, over all calls. Call it in the scope that owns the cache. False where
   * it was asked to stop: then the slots hold nothing.
   */
  async admit(cache: KvCache, placements: readonly Placement[]): Promise<boolean> {
    let waiting: Placement[] = [];
    for (const placement of placements) {
      if (this.#chunk === undefined || placement.request >= this.#chunk.end) {
        this.#place(cache, waiting);
        waiting = [];
        this.dispose();
        this.#chunk = await this.#prefill(placement.request);
        if (this.#chunk === undefined) return false;
      }
      waiting.push(placement);
    }
    this.#place(cache, waiting);
    return true;
  }

  dispose(): void {
    for (const tensor of this.#chunk?.kv ?? []) tensor.dispose();
    this.#chunk = undefined;
  }

  /** Undefined where it was asked to stop. */
  async #prefill(first: number): Promise<Chunk | undefined> {
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
    const kv = await this.#forward(bodies, rows);
    return kv && { first, end, starts, kv };
  }

  async #forward(bodies: readonly Uint32Array[], rows: number): Promise<Tensor[] | undefined> {
    const kv: Tensor[] = [];
    if (bodies.length === 0) return kv;
    const { device, config } = this.#model;
    const layerFlops = (2 * rows * this.#matrixNumbers()) / config.numHiddenLayers;
    return scopeAsync(async () => {
      const batch = packSequences(device, bodies);
      let x = this.#model.embed(batch.ids);
      let flops = 0;
      for (let layer = 0; layer < config.numHiddenLayers; layer++) {
        flops += layerFlops;
        if (flops > FLOPS_BETWEEN_LOOKS) {
          flops = 0;
          await device.finish();
          if (this.#shouldStop()) return undefined;
        }
        // A scope a layer: only the residual stream and what the cache needs outlive it.
        const [next, kept] = scope(() => {
          const found: Tensor[] = [];
          const y = this.#model.block(
            layer,
            x,
            (qkv) => {
              const mixed = this.#model.attend(qkv, layer, batch);
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

  /** Numbers of the matrices of all layers. */
  #matrixNumbers(): number {
    return [...this.#model.linears().values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
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
