/** Inputs of the reference: contiguous float64 arrays and the sequence borders. */
export interface AttentionReferenceInput {
  /** [N, H, E] */
  readonly q: Float64Array;
  /** [N, K, E] */
  readonly k: Float64Array;
  readonly v: Float64Array;
  /** u32[N]: the first row of each row's sequence. */
  readonly segStart: ArrayLike<number>;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
  /** 0 for none. */
  readonly window: number;
}

interface AttentionReferenceOutput {
  /** [N, H, E] */
  readonly o: Float64Array;
  /** [N, H] */
  readonly lse: Float64Array;
}

interface AttentionReferenceGrads {
  readonly dQ: Float64Array;
  readonly dK: Float64Array;
  readonly dV: Float64Array;
}

/** The visible keys of every (row, head), with the probability of each. */
function forEachRow(
  input: AttentionReferenceInput,
  visit: (row: number, head: number, first: number, probabilities: Float64Array, lse: number) => void,
): void {
  const { q, k, segStart, heads, kvHeads, headDim: width, scale, window } = input;
  for (let row = 0; row < segStart.length; row++) {
    const first = window > 0 ? Math.max(segStart[row]!, row - window + 1) : segStart[row]!;
    for (let head = 0; head < heads; head++) {
      const scores = new Float64Array(row - first + 1);
      const qAt = (row * heads + head) * width;
      const kvHead = Math.floor((head * kvHeads) / heads);
      for (let j = 0; j < scores.length; j++) {
        scores[j] = scale * dot(q, qAt, k, ((first + j) * kvHeads + kvHead) * width, width);
      }
      const top = scores.reduce((a, b) => Math.max(a, b), -Infinity);
      const lse = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
      visit(
        row,
        head,
        first,
        scores.map((s) => Math.exp(s - lse)),
        lse,
      );
    }
  }
}

/** Causal, grouped-query, packed attention in float64 with the scores written out. */
export function attentionReference(input: AttentionReferenceInput): AttentionReferenceOutput {
  const { q, v, segStart, heads, kvHeads, headDim: width } = input;
  const o = new Float64Array(q.length);
  const lse = new Float64Array(segStart.length * heads);
  forEachRow(input, (row, head, first, p, rowLse) => {
    const kvHead = Math.floor((head * kvHeads) / heads);
    const oAt = (row * heads + head) * width;
    for (let j = 0; j < p.length; j++) {
      const vAt = ((first + j) * kvHeads + kvHead) * width;
      for (let e = 0; e < width; e++) o[oAt + e]! += p[j]! * v[vAt + e]!;
    }
    lse[row * heads + head] = rowLse;
  });
  return { o, lse };
}

/** Gradients of `sum(o * dO)`: dV = P^T dO, dS = P * (dO V^T - rowsum(dO * O)), dQ = scale dS K, dK = scale dS^T Q. */
export function attentionReferenceGrads(input: AttentionReferenceInput, dO: Float64Array): AttentionReferenceGrads {
  const { q, k, v, heads, kvHeads, headDim: width, scale } = input;
  const dQ = new Float64Array(q.length);
  const dK = new Float64Array(k.length);
  const dV = new Float64Array(v.length);
  forEachRow(input, (row, head, first, p) => {
    const kvHead = Math.floor((head * kvHeads) / heads);
    const qAt = (row * heads + head) * width;
    const dP = p.map((_, j) => dot(dO, qAt, v, ((first + j) * kvHeads + kvHead) * width, width));
    const delta = dP.reduce((sum, value, j) => sum + value * p[j]!, 0);
    for (let j = 0; j < p.length; j++) {
      const kAt = ((first + j) * kvHeads + kvHead) * width;
      const dS = p[j]! * (dP[j]! - delta) * scale;
      for (let e = 0; e < width; e++) {
        dQ[qAt + e]! += dS * k[kAt + e]!;
        dK[kAt + e]! += dS * q[qAt + e]!;
        dV[kAt + e]! += p[j]! * dO[qAt + e]!;
      }
    }
  });
  return { dQ, dK, dV };
}

function dot(a: Float64Array, aAt: number, b: Float64Array, bAt: number, width: number): number {
  let sum = 0;
  for (let e = 0; e < width; e++) sum += a[aAt + e]! * b[bAt + e]!;
  return sum;
}
