import type { DecoderConfig } from '@dawngrad/models';

/** Row-major matrices in float64 by weight name. */
export type Weights = ReadonlyMap<string, Float64Array>;

/** Logits of every position of one sequence, in float64 and with everything written out. */
function referenceLogits(config: DecoderConfig, weights: Weights, ids: readonly number[]): Float64Array[] {
  const {
    hiddenSize: d,
    numAttentionHeads: heads,
    numKeyValueHeads: kvHeads,
    headDim: width,
    intermediateSize: f,
  } = config;
  const get = (name: string): Float64Array => weights.get(name)!;
  const multiply = (w: Float64Array, x: Float64Array, out: number): Float64Array =>
    Float64Array.from({ length: out }, (_, o) =>
      x.reduce((total, value, i) => total + value * w[o * x.length + i]!, 0),
    );
  const norm = (x: Float64Array, w: Float64Array): Float64Array => {
    const scale = 1 / Math.sqrt(x.reduce((total, value) => total + value * value, 0) / x.length + config.rmsNormEps);
    return x.map((value, i) => value * scale * w[i]!);
  };
  const rotate = (x: Float64Array, position: number): Float64Array => {
    const out = Float64Array.from(x);
    for (let head = 0; head < x.length / width; head++) {
      for (let e = 0; e < width / 2; e++) {
        const angle = position * config.ropeTheta ** ((-2 * e) / width);
        const a = x[head * width + e]!;
        const b = x[head * width + e + width / 2]!;
        out[head * width + e] = a * Math.cos(angle) - b * Math.sin(angle);
        out[head * width + e + width / 2] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return out;
  };
  let xs = ids.map((id) => get('model.embed_tokens.weight').slice(id * d, (id + 1) * d));
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const p = `model.layers.${layer}`;
    const normed = xs.map((x) => norm(x, get(`${p}.input_layernorm.weight`)));
    const q = normed.map((x, t) => rotate(multiply(get(`${p}.self_attn.q_proj.weight`), x, heads * width), t));
    const k = normed.map((x, t) => rotate(multiply(get(`${p}.self_attn.k_proj.weight`), x, kvHeads * width), t));
    const v = normed.map((x) => multiply(get(`${p}.self_attn.v_proj.weight`), x, kvHeads * width));
    xs = xs.map((x, t) => {
      const mixed = new Float64Array(heads * width);
      for (let head = 0; head < heads; head++) {
        const kv = Math.floor((head * kvHeads) / heads);
        const scores = Array.from({ length: t + 1 }, (_, j) => {
          let dot = 0;
          for (let e = 0; e < width; e++) dot += q[t]![head * width + e]! * k[j]![kv * width + e]!;
          return dot / Math.sqrt(width);
        });
        const top = Math.max(...scores);
        const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
        scores.forEach((score, j) => {
          for (let e = 0; e < width; e++)
            mixed[head * width + e]! += (Math.exp(score - top) / total) * v[j]![kv * width + e]!;
        });
      }
      const middle = multiply(get(`${p}.self_attn.o_proj.weight`), mixed, d).map((value, i) => value + x[i]!);
      const inner = norm(middle, get(`${p}.post_attention_layernorm.weight`));
      const gate = multiply(get(`${p}.mlp.gate_proj.weight`), inner, f);
      const up = multiply(get(`${p}.mlp.up_proj.weight`), inner, f);
      const acted = gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!);
      return multiply(get(`${p}.mlp.down_proj.weight`), acted, d).map((value, i) => value + middle[i]!);
    });
  }
  const output = config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return xs.map((x) => multiply(get(output), norm(x, get('model.norm.weight')), config.vocabSize));
}

/** Log-probability of each next token of one sequence. */
export function referenceLogProbs(config: DecoderConfig, weights: Weights, ids: readonly number[]): number[] {
  return referenceLogits(config, weights, ids)
    .slice(0, -1)
    .map((logits, t) => {
      const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
      return logits[ids[t + 1]!]! - top - Math.log(logits.reduce((sum, l) => sum + Math.exp(l - top), 0));
    });
}
