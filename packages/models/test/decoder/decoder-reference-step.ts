import type { DecoderConfig } from '@dawngrad/models';
import type { Weights } from './decoder-reference.ts';
import { type ReferenceRope, referenceRope } from './reference-rope.ts';

/** A loss and its gradient by every weight, in float64. */
export interface ReferenceStep {
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float64Array>;
}

type Rows = Float64Array[];

const EMBEDDING = 'model.embed_tokens.weight';

/**
 * The training step of a decoder in plain loops: forward and backward written out by hand in float64, one sequence
 * after another. A linear has a bias, and a layer has norms of heads, where the weights hold them. The loss is minus the mean log-probability of every token but the first of each sequence:
 * L = -(1/N) sum_s sum_t ln p(ids[t + 1] | ids[0..t]).
 */
export function referenceStep(
  config: DecoderConfig,
  weights: Weights,
  sequences: readonly (readonly number[])[],
): ReferenceStep {
  const gradients = new Map([...weights].map(([name, values]) => [name, new Float64Array(values.length)]));
  const count = sequences.reduce((total, ids) => total + ids.length - 1, 0);
  let loss = 0;
  for (const ids of sequences) loss += new Sequence(config, weights, gradients, ids).run(1 / count);
  return { loss, gradients };
}

/** What one block keeps for its backward pass; a row a token. */
interface BlockTrace {
  readonly x: Rows;
  readonly normed: Rows;
  /** Query and key heads before their norms. */
  readonly rawQ: Rows;
  readonly rawK: Rows;
  /** The same normalised and turned. */
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  /** By token and head, the attention weights of the tokens up to it; 0 before the window. */
  readonly p: Float64Array[][];
  readonly mixed: Rows;
  readonly middle: Rows;
  readonly inner: Rows;
  readonly gate: Rows;
  readonly up: Rows;
  readonly acted: Rows;
}

class Sequence {
  readonly #config: DecoderConfig;
  readonly #weights: Weights;
  readonly #gradients: Map<string, Float64Array>;
  readonly #ids: readonly number[];
  readonly #rope: ReferenceRope;

  constructor(config: DecoderConfig, weights: Weights, gradients: Map<string, Float64Array>, ids: readonly number[]) {
    this.#config = config;
    this.#weights = weights;
    this.#gradients = gradients;
    this.#ids = ids;
    this.#rope = referenceRope(config);
  }

  /** Adds the gradients of the sequence, each token weighted by `weight`, and returns its part of the loss. */
  run(weight: number): number {
    const { hiddenSize: d, numHiddenLayers, vocabSize, tieWordEmbeddings } = this.#config;
    const ids = this.#ids;
    const table = this.#get(EMBEDDING);
    const output = tieWordEmbeddings ? EMBEDDING : 'lm_head.weight';
    let x: Rows = ids.map((id) => table.slice(id * d, (id + 1) * d));
    const traces: BlockTrace[] = [];
    for (let layer = 0; layer < numHiddenLayers; layer++) {
      const trace = this.#block(layer, x);
      traces.push(trace);
      x = this.#project(`model.layers.${layer}.mlp.down_proj.weight`, trace.acted, d).map((row, t) =>
        row.map((value, i) => value + trace.middle[t]![i]!),
      );
    }
    const final = this.#norm('model.norm.weight', x);
    const logits = this.#project(output, final, vocabSize);

    let loss = 0;
    const dLogits = logits.map((row, t) => {
      if (t === ids.length - 1) return new Float64Array(vocabSize);
      const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const total = row.reduce((sum, l) => sum + Math.exp(l - top), 0);
      const target = ids[t + 1]!;
      loss -= weight * (row[target]! - top - Math.log(total));
      return row.map((l, v) => weight * (Math.exp(l - top) / total - (v === target ? 1 : 0)));
    });

    let dx = this.#normBackward('model.norm.weight', x, this.#projectBackward(output, final, dLogits));
    for (let layer = numHiddenLayers - 1; layer >= 0; layer--) dx = this.#blockBackward(layer, traces[layer]!, dx);
    const dTable = this.#gradients.get(EMBEDDING)!;
    ids.forEach((id, t) => {
      for (let i = 0; i < d; i++) dTable[id * d + i]! += dx[t]![i]!;
    });
    return loss;
  }

  #block(layer: number, x: Rows): BlockTrace {
    const {
      hiddenSize: d,
      numAttentionHeads: heads,
      numKeyValueHeads: kvHeads,
      headDim: width,
      intermediateSize: f,
    } = this.#config;
    const name = (part: string): string => `model.layers.${layer}.${part}.weight`;
    const normed = this.#norm(name('input_layernorm'), x);
    const window = this.#config.layerWindows?.[layer] ?? 0;
    const rawQ = this.#project(name('self_attn.q_proj'), normed, heads * width);
    const rawK = this.#project(name('self_attn.k_proj'), normed, kvHeads * width);
    const q = this.#rotated(this.#headNorm(name('self_attn.q_norm'), rawQ), 1);
    const k = this.#rotated(this.#headNorm(name('self_attn.k_norm'), rawK), 1);
    const v = this.#project(name('self_attn.v_proj'), normed, kvHeads * width);
    const p: Float64Array[][] = [];
    const mixed = x.map((_, t) => {
      const row = new Float64Array(heads * width);
      p.push([]);
      for (let head = 0; head < heads; head++) {
        const kv = Math.floor((head * kvHeads) / heads);
        const scores = Float64Array.from({ length: t + 1 }, (_s, j) => {
          let dot = 0;
          for (let e = 0; e < width; e++) dot += q[t]![head * width + e]! * k[j]![kv * width + e]!;
          return window > 0 && j <= t - window ? Number.NEGATIVE_INFINITY : dot / Math.sqrt(width);
        });
        const top = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
        const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
        const chances = scores.map((score) => Math.exp(score - top) / total);
        p[t]!.push(chances);
        chances.forEach((chance, j) => {
          for (let e = 0; e < width; e++) row[head * width + e]! += chance * v[j]![kv * width + e]!;
        });
      }
      return row;
    });
    const middle = this.#project(name('self_attn.o_proj'), mixed, d).map((row, t) =>
      row.map((value, i) => value + x[t]![i]!),
    );
    const inner = this.#norm(name('post_attention_layernorm'), middle);
    const gate = this.#project(name('mlp.gate_proj'), inner, f);
    const up = this.#project(name('mlp.up_proj'), inner, f);
    const acted = gate.map((row, t) => row.map((g, i) => (g / (1 + Math.exp(-g))) * up[t]![i]!));
    return { x, normed, rawQ, rawK, q, k, v, p, mixed, middle, inner, gate, up, acted };
  }

  #blockBackward(layer: number, trace: BlockTrace, dOut: Rows): Rows {
    const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim: width } = this.#config;
    const name = (part: string): string => `model.layers.${layer}.${part}.weight`;
    const dActed = this.#projectBackward(name('mlp.down_proj'), trace.acted, dOut);
    const dGate = dActed.map((row, t) =>
      row.map((da, i) => {
        const g = trace.gate[t]![i]!;
        const s = 1 / (1 + Math.exp(-g));
        return da * trace.up[t]![i]! * s * (1 + g * (1 - s));
      }),
    );
    const dUp = dActed.map((row, t) =>
      row.map((da, i) => (da * trace.gate[t]![i]!) / (1 + Math.exp(-trace.gate[t]![i]!))),
    );
    const dInner = added(
      this.#projectBackward(name('mlp.gate_proj'), trace.inner, dGate),
      this.#projectBackward(name('mlp.up_proj'), trace.inner, dUp),
    );
    const dMiddle = added(dOut, this.#normBackward(name('post_attention_layernorm'), trace.middle, dInner));
    const dMixed = this.#projectBackward(name('self_attn.o_proj'), trace.mixed, dMiddle);
    const [dq, dk, dv] = [trace.q, trace.k, trace.v].map((rows) => rows.map((row) => new Float64Array(row.length))) as [
      Rows,
      Rows,
      Rows,
    ];
    dMixed.forEach((row, t) => {
      for (let head = 0; head < heads; head++) {
        const kv = Math.floor((head * kvHeads) / heads);
        const p = trace.p[t]![head]!;
        const dp = p.map((_, j) => {
          let dot = 0;
          for (let e = 0; e < width; e++) dot += row[head * width + e]! * trace.v[j]![kv * width + e]!;
          return dot;
        });
        const mean = p.reduce((sum, chance, j) => sum + chance * dp[j]!, 0);
        p.forEach((chance, j) => {
          const ds = (chance * (dp[j]! - mean)) / Math.sqrt(width);
          for (let e = 0; e < width; e++) {
            dq[t]![head * width + e]! += ds * trace.k[j]![kv * width + e]!;
            dk[j]![kv * width + e]! += ds * trace.q[t]![head * width + e]!;
            dv[j]![kv * width + e]! += chance * row[head * width + e]!;
          }
        });
      }
    });
    const dRawQ = this.#headNormBackward(name('self_attn.q_norm'), trace.rawQ, this.#rotated(dq, -1));
    const dRawK = this.#headNormBackward(name('self_attn.k_norm'), trace.rawK, this.#rotated(dk, -1));
    const dNormed = added(
      added(
        this.#projectBackward(name('self_attn.q_proj'), trace.normed, dRawQ),
        this.#projectBackward(name('self_attn.k_proj'), trace.normed, dRawK),
      ),
      this.#projectBackward(name('self_attn.v_proj'), trace.normed, dv),
    );
    return added(dMiddle, this.#normBackward(name('input_layernorm'), trace.x, dNormed));
  }

  #get(name: string): Float64Array {
    return this.#weights.get(name)!;
  }

  /** y = W x + b for every row. W [out, in]. */
  #project(name: string, rows: Rows, out: number): Rows {
    const w = this.#get(name);
    const bias = this.#weights.get(name.replace('.weight', '.bias'));
    return rows.map((x) =>
      Float64Array.from({ length: out }, (_, o) =>
        x.reduce((total, value, i) => total + value * w[o * x.length + i]!, bias?.[o] ?? 0),
      ),
    );
  }

  /** dx = W^T dy, dW += dy x^T, and db += dy. */
  #projectBackward(name: string, rows: Rows, dRows: Rows): Rows {
    const w = this.#get(name);
    const dw = this.#gradients.get(name)!;
    const dBias = this.#gradients.get(name.replace('.weight', '.bias'));
    if (dBias !== undefined) {
      for (const row of dRows) {
        row.forEach((dy, o) => {
          dBias[o]! += dy;
        });
      }
    }
    return rows.map((x, t) => {
      const dx = new Float64Array(x.length);
      dRows[t]!.forEach((dy, o) => {
        for (let i = 0; i < x.length; i++) {
          dx[i]! += dy * w[o * x.length + i]!;
          dw[o * x.length + i]! += dy * x[i]!;
        }
      });
      return dx;
    });
  }

  #scale(x: Float64Array): number {
    return 1 / Math.sqrt(x.reduce((total, value) => total + value * value, 0) / x.length + this.#config.rmsNormEps);
  }

  /** y = x w / sqrt(mean x^2 + eps). */
  #norm(name: string, rows: Rows): Rows {
    const w = this.#get(name);
    return rows.map((x) => {
      const scale = this.#scale(x);
      return x.map((value, i) => value * scale * w[i]!);
    });
  }

  /** dx = s (w dy - x s^2 mean(w dy x)) with s = 1 / sqrt(mean x^2 + eps), and dw += dy x s. */
  #normBackward(name: string, rows: Rows, dRows: Rows): Rows {
    const w = this.#get(name);
    const dw = this.#gradients.get(name)!;
    return rows.map((x, t) => {
      const dy = dRows[t]!;
      const scale = this.#scale(x);
      const mean = x.reduce((total, value, i) => total + value * w[i]! * dy[i]!, 0) / x.length;
      x.forEach((value, i) => {
        dw[i]! += dy[i]! * value * scale;
      });
      return x.map((value, i) => scale * (w[i]! * dy[i]! - value * scale * scale * mean));
    });
  }

  /** Each head as a row of its own, normalised with one weight. As they are where there is none. */
  #headNorm(name: string, rows: Rows): Rows {
    if (!this.#weights.has(name)) return rows;
    return rows.map((row) => joined(this.#norm(name, this.#split(row))));
  }

  #headNormBackward(name: string, rows: Rows, dRows: Rows): Rows {
    if (!this.#weights.has(name)) return dRows;
    return rows.map((row, t) => joined(this.#normBackward(name, this.#split(row), this.#split(dRows[t]!))));
  }

  #split(row: Float64Array): Rows {
    const width = this.#config.headDim;
    return Array.from({ length: row.length / width }, (_, head) => row.slice(head * width, (head + 1) * width));
  }

  /** Rotary embedding by the row's position, or its transpose. */
  #rotated(rows: Rows, direction: 1 | -1): Rows {
    const { headDim: width } = this.#config;
    const { frequencies, amplitude } = this.#rope;
    return rows.map((x, position) => {
      const out = new Float64Array(x.length);
      for (let head = 0; head < x.length / width; head++) {
        for (let e = 0; e < width / 2; e++) {
          const angle = direction * position * frequencies[e]!;
          const [c, s] = [amplitude * Math.cos(angle), amplitude * Math.sin(angle)];
          const [i, j] = [head * width + e, head * width + e + width / 2];
          out[i] = x[i]! * c - x[j]! * s;
          out[j] = x[j]! * c + x[i]! * s;
        }
      }
      return out;
    });
  }
}

function added(a: Rows, b: Rows): Rows {
  return a.map((row, t) => row.map((value, i) => value + b[t]![i]!));
}

function joined(heads: Rows): Float64Array {
  const out = new Float64Array(heads.reduce((total, head) => total + head.length, 0));
  let at = 0;
  for (const head of heads) {
    out.set(head, at);
    at += head.length;
  }
  return out;
}
