import type { KernelBinding } from '../gpu/kernel.ts';

/*
 * What the kernels of sampling share: how they read logits, four tokens at a time, and the penalty on tokens
 * that a row has had.
 */

/** Tokens that a workgroup scans in one piece; a vocabulary of no more takes one launch. A multiple of 32. */
export const PART = 4096;

/** All that the text of the kernels depends on. */
export interface SampleSpec {
  readonly greedy: boolean;
  readonly useTopK: boolean;
  readonly useTopP: boolean;
  readonly useMinP: boolean;
  readonly penalised: boolean;
  /** The vocabulary is a multiple of 4: logits are read in vec4s. */
  readonly aligned: boolean;
  /** A launch of its own scans the parts of each row. */
  readonly isSplit: boolean;
  /** Threads of a workgroup of the scan, and of the draw. */
  readonly scanLanes: number;
  readonly drawLanes: number;
}

/** Whether tokens are left out before the draw: then it needs the maximum of the whole row first. */
export function isFiltered({ useTopK, useTopP, useMinP }: SampleSpec): boolean {
  return useTopK || useTopP || useMinP;
}

export function logitsBinding({ aligned }: SampleSpec): KernelBinding {
  return { name: 'logits', access: 'read', element: aligned ? 'vec4<f32>' : 'f32' };
}

export function readBindings(names: readonly string[], element = 'u32'): KernelBinding[] {
  return names.map((name) => ({ name, access: 'read', element }));
}

export function writtenBindings(names: readonly string[], element = 'u32'): KernelBinding[] {
  return names.map((name) => ({ name, access: 'read_write', element }));
}

/** Numbers that the scan leaves for each part: the two maxima and sums, and for top-k the maximum of each thread. */
export function statsOfPart({ useTopK, scanLanes }: SampleSpec): number {
  return 4 + (useTopK ? scanLanes : 0);
}

/**
 * `logitsAt(row, g)`: the logits of tokens 4g ... 4g + 3, LOWEST past the end; `noise(words)`: Gumbel noise of
 * random words; `orderedKey(value)`: unsigned integers in the order of the floats.
 */
export function tokenFunctions({ aligned, greedy }: SampleSpec): string {
  const at = (c: number) =>
    `select(LOWEST, logits[min(first + ${c}u, params.rows * params.vocabulary - 1u)], g * 4u + ${c}u < params.vocabulary)`;
  return `
const LOWEST = -3.4028234663852886e38;
const NOBODY = 0xffffffffu;
fn orderedKey(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
fn highest(x: vec4f) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }
fn logitsAt(row: u32, g: u32) -> vec4f {
  ${
    aligned
      ? 'return logits[row * (params.vocabulary / 4u) + g];'
      : `let first = row * params.vocabulary + g * 4u;
  return vec4f(${[0, 1, 2, 3].map(at).join(', ')});`
  }
}
${
  greedy
    ? ''
    : `
/* The largest value of the noise is 16.64. */
const MOST_NOISE = 16.7;
fn noise(words: vec4u) -> vec4f {
  // In (0, 1), never 0 or 1. The inner logarithm is at least 2^-24; a driver's may be less exact near 0.
  let u = (vec4f(words >> vec4u(9u)) + 0.5) * 1.1920928955078125e-7;
  return -log(max(-log(u), vec4f(5.9e-8)));
}`
}
`;
}

/**
 * `scoresAt(row, g)`: the four logits after the penalty, by the bits of the tokens that the row has had: those of
 * the workgroup's part, or of the whole row in storage. Division and product as in Hugging Face's
 * RepetitionPenaltyLogitsProcessor.
 */
export function scoreFunction({ penalised }: SampleSpec, seen: 'part' | 'row'): string {
  if (!penalised) return '\nfn scoresAt(row: u32, g: u32) -> vec4f { return logitsAt(row, g); }\n';
  const word =
    seen === 'part'
      ? `atomicLoad(&seenPart[g % ${PART / 4}u / 8u])`
      : `seen[row * params.parts * ${PART / 32}u + g / 8u]`;
  return `
fn scoresAt(row: u32, g: u32) -> vec4f {
  let raw = logitsAt(row, g);
  let bits = (vec4u(${word} >> (g % 8u * 4u)) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u);
  return select(raw, select(raw / params.penalty, raw * params.penalty, raw < vec4f()), bits == vec4u(1u));
}
`;
}

/** The workgroup's bit set of a part of the vocabulary. */
export const SEEN_WGSL = `
var<workgroup> seenPart: array<atomic<u32>, ${PART / 32}>;
fn markSeen(row: u32, part: u32, lane: u32, lanes: u32) {
  for (var word = lane; word < ${PART / 32}u; word += lanes) { atomicStore(&seenPart[word], 0u); }
  workgroupBarrier();
  let length = lengths[row];
  let past = min(max(length, 1u) - 1u, params.capacity);
  for (var i = lane; i < past; i += lanes) { markToken(history[row * params.capacity + i], part); }
  if (lane == 0u && length > 0u) {
    markToken(newest[row], part);
    // Nobody reads this place in this launch.
    if (part == 0u && length <= params.capacity) { history[row * params.capacity + length - 1u] = newest[row]; }
  }
  workgroupBarrier();
}
fn markToken(token: u32, part: u32) {
  let place = token - part * ${PART}u;
  if (place < ${PART}u) { atomicOr(&seenPart[place / 32u], 1u << (place % 32u)); }
}
`;

/**
 * The walk of a thread over its share of the groups `begin` <= g < `end` of four tokens. Declares ownRawTop and
 * ownRawSum, the maximum of the logits and the sum of e^((l - ownRawTop) / temperature); with filters and a penalty
 * ownTop and ownSum, the same of the scores; without filters best and bestIndex, the largest score after noise, the
 * smallest index on ties. A token that no noise could make the best is not given any.
 */
export function scanShare(spec: SampleSpec, lanes: number): string {
  const { greedy, penalised } = spec;
  const filtered = isFiltered(spec);
  const walk = `for (var g = begin + lane; g < end; g += ${lanes}u)`;
  const scores = penalised ? 'scoresAt(row, g)' : 'raw';
  const takeBest = [...'xyzw']
    .map(
      (c, i) =>
        `if ((noisy.${c} > best || bestIndex == NOBODY) && g * 4u + ${i}u < params.vocabulary) { best = noisy.${c}; bestIndex = g * 4u + ${i}u; }`,
    )
    .join('\n      ');
  const draw = greedy
    ? `let noisy = ${scores};
    if (highest(noisy) > best || bestIndex == NOBODY) {
      ${takeBest}
    }`
    : `let scaled = ${scores} * params.inverseTemperature;
    if (highest(scaled) + MOST_NOISE > best || bestIndex == NOBODY) {
      let noisy = scaled + noise(philox(vec4u(g, steps[row], rowIds[row], 0u), vec2u(params.seed, params.stream)));
      ${takeBest}
    }`;
  const ownSum = filtered && penalised;
  return `
  var ownRawTop = LOWEST;${ownSum ? '\n  var ownTop = LOWEST;' : ''}
  ${walk} {
    let raw = logitsAt(row, g);
    ownRawTop = max(ownRawTop, highest(raw));${ownSum ? `\n    ownTop = max(ownTop, highest(${scores}));` : ''}
  }
  var ownRawSum = 0.0;${ownSum ? '\n  var ownSum = 0.0;' : ''}${filtered ? '' : '\n  var best = LOWEST;\n  var bestIndex = NOBODY;'}
  ${walk} {
    let raw = logitsAt(row, g);
    ownRawSum += dot(exp((raw - ownRawTop) * params.inverseTemperature), vec4f(1.0));
    ${ownSum ? `ownSum += dot(exp((${scores} - ownTop) * params.inverseTemperature), vec4f(1.0));` : ''}
    ${filtered ? '' : draw}
  }`;
}

/** `foldTop`, `foldSum` and `foldBest` over the threads of a workgroup, in a tree of fixed order. */
export function foldFunctions(lanes: number): string {
  const fold = (name: string, step: string) => `
fn ${name}(value: f32, lane: u32) -> f32 {
  values[lane] = value;
  workgroupBarrier();
  for (var span = ${lanes / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) { ${step} }
    workgroupBarrier();
  }
  let total = workgroupUniformLoad(&values[0]);
  return total;
}`;
  return `
var<workgroup> values: array<f32, ${lanes}>;
var<workgroup> indices: array<u32, ${lanes}>;
${fold('foldTop', 'values[lane] = max(values[lane], values[lane + span]);')}
${fold('foldSum', 'values[lane] += values[lane + span];')}
/* The largest value with the smallest index that has it; it stays in values[0]. */
fn foldBest(value: f32, index: u32, lane: u32) -> u32 {
  values[lane] = value;
  indices[lane] = index;
  workgroupBarrier();
  for (var span = ${lanes / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) {
      let other = values[lane + span];
      let isBetter = other > values[lane] || (other == values[lane] && indices[lane + span] < indices[lane]);
      if (indices[lane + span] != NOBODY && (isBetter || indices[lane] == NOBODY)) {
        values[lane] = other;
        indices[lane] = indices[lane + span];
      }
    }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&indices[0]);
}
`;
}
