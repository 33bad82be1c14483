import type { DecoderConfig } from '@dawngrad/models';
import { referenceRope } from './reference-rope.ts';

/** Row-major matrices in float64 by weight name. */
export type Weights = ReadonlyMap<string, Float64Array>;

/** Logits of every position of one sequence, in float64 and with everything written out. */
export function referenceLogits(config: DecoderConfig, weights: Weights, ids: readonly number[]): Float64Array[] {
  const {
    hiddenSize: d,
    numAttentionHeads: heads,
    numKeyValueHeads: kvHeads,
    headDim: width,
    intermediateSize: f,
  } = config;
  const { frequencies, amplitude } = referenceRope(config);
  const get = (name: string): Float64Array => {
    const found = weights.get(name);
    if (found === undefined) throw new Error(`no weight ${name}`);
    return found;
  };
  const multiply = (w: Float64Array, x: Float64Array, out: number): Float64Array =>
    Float64Array.from({ length: out }, (_, o) =>
      x.reduce((total, value, i) => total + value * w[o * x.length + i]!, 0),
    );
  /** W x, plus the bias where the configuration says so. */
  const project = (name: string, x: Float64Array, out: number, hasBias: boolean): Float64Array => {
    const y = multiply(get(`${name}.weight`), x, out);
    if (!hasBias) return y;
    const bias = get(`${name}.bias`);
    return y.map((value, o) => value + bias[o]!);
  };
  const norm = (x: Float64Array, w: Float64Array): Float64Array => {
    const scale = 1 / Math.sqrt(x.reduce((total, value) => total + value * value, 0) / x.length + config.rmsNormEps);
    return x.map((value, i) => value * scale * w[i]!);
  };
  const normHeads = (x: Float64Array, name: string): Float64Array => {
    if (config.qkNorm !== true) return x;
    const out = new Float64Array(x.length);
    for (let at = 0; at < x.length; at += width) out.set(norm(x.slice(at, at + width), get(name)), at);
    return out;
  };
  const rotate = (x: Float64Array, position: number): Float64Array => {
    const out = Float64Array.from(x);
    for (let head = 0; head < x.length / width; head++) {
      for (let e = 0; e < width / 2; e++) {
        const angle = position * frequencies[e]!;
        const [c, s] = [amplitude * Math.cos(angle), amplitude * Math.sin(angle)];
        const a = x[head * width + e]!;
        const b = x[head * width + e + width / 2]!;
        out[head * width + e] = a * c - b * s;
        out[head * width + e + width / 2] = b * c + a * s;
      }
    }
    return out;
  };
  const qkvBias = config.attentionBias !== undefined;
  const outputBias = config.attentionBias === 'qkvo';
  const mlpBias = config.mlpBias === true;
  let xs = ids.map((id) => get('model.embed_tokens.weight').slice(id * d, (id + 1) * d));
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const p = `model.layers.${layer}`;
    const window = config.layerWindows?.[layer] ?? 0;
    const normed = xs.map((x) => norm(x, get(`${p}.input_layernorm.weight`)));
    const heads1 = (part: string, count: number): Float64Array[] =>
      normed.map((x) => project(`${p}.self_attn.${part}_proj`, x, count * width, qkvBias));
    const q = heads1('q', heads).map((x, t) => rotate(normHeads(x, `${p}.self_attn.q_norm.weight`), t));
    const k = heads1('k', kvHeads).map((x, t) => rotate(normHeads(x, `${p}.self_attn.k_norm.weight`), t));
    const v = heads1('v', kvHeads);
    xs = xs.map((x, t) => {
      const mixed = new Float64Array(heads * width);
      const first = window === 0 ? 0 : Math.max(0, t - window + 1);
      for (let head = 0; head < heads; head++) {
        const kv = Math.floor((head * kvHeads) / heads);
        const scores = Array.from({ length: t + 1 - first }, (_, j) => {
          let dot = 0;
          for (let e = 0; e < width; e++) dot += q[t]![head * width + e]! * k[first + j]![kv * width + e]!;
          return dot / Math.sqrt(width);
        });
        const top = Math.max(...scores);
        const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
        scores.forEach((score, j) => {
          for (let e = 0; e < width; e++)
            mixed[head * width + e]! += (Math.exp(score - top) / total) * v[first + j]![kv * width + e]!;
        });
      }
      const middle = project(`${p}.self_attn.o_proj`, mixed, d, outputBias).map((value, i) => value + x[i]!);
      const inner = norm(middle, get(`${p}.post_attention_layernorm.weight`));
      const gate = project(`${p}.mlp.gate_proj`, inner, f, mlpBias);
      const up = project(`${p}.mlp.up_proj`, inner, f, mlpBias);
      const acted = gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!);
      return project(`${p}.mlp.down_proj`, acted, d, mlpBias).map((value, i) => value + middle[i]!);
    });
  }
  const output = config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return xs.map((x) => multiply(get(output), norm(x, get('model.norm.weight')), config.vocabSize));
}

/** Logarithms of softmax(logits / temperature). */
function logSoftmax(logits: Float64Array, temperature: number): Float64Array {
  const scaled = logits.map((value) => value / temperature);
  const top = scaled.reduce((a, b) => Math.max(a, b), -Infinity);
  const rest = top + Math.log(scaled.reduce((sum, l) => sum + Math.exp(l - top), 0));
  return scaled.map((value) => value - rest);
}

/** Log-probability of each next token of one sequence. */
export function referenceLogProbs(
  config: DecoderConfig,
  weights: Weights,
  ids: readonly number[],
  temperature = 1,
): number[] {
  return referenceLogits(config, weights, ids)
    .slice(0, -1)
    .map((logits, t) => logSoftmax(logits, temperature)[ids[t + 1]!]!);
}

/** Entropy in nats of the distribution after each token of one sequence. */
export function referenceEntropies(
  config: DecoderConfig,
  weights: Weights,
  ids: readonly number[],
  temperature = 1,
): number[] {
  return referenceLogits(config, weights, ids).map((logits) =>
    logSoftmax(logits, temperature).reduce((sum, logp) => sum - Math.exp(logp) * logp, 0),
  );
}

/** `count` tokens after a prompt, each the most likely one, and by how much it leads the second, in logits. */
export function referenceGreedy(
  config: DecoderConfig,
  weights: Weights,
  prompt: readonly number[],
  count: number,
): { readonly ids: number[]; readonly leads: number[] } {
  const ids = [...prompt];
  const leads: number[] = [];
  for (let i = 0; i < count; i++) {
    const logits = referenceLogits(config, weights, ids).at(-1)!;
    const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
    leads.push(logits[order[0]!]! - logits[order[1]!]!);
    ids.push(order[0]!);
  }
  return { ids: ids.slice(prompt.length), leads };
}
