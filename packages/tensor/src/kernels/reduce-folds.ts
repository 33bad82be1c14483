import type { DType } from '../dtype.ts';
import { valueType } from './lib/element.wgsl.ts';
import { keyFunctions, rankFunction } from './lib/float-key.wgsl.ts';

/** The reductions that one kernel family computes. */
export type Reduction =
  | 'sum'
  | 'mean'
  | 'prod'
  | 'max'
  | 'min'
  | 'any'
  | 'all'
  | 'countNonzero'
  | 'argmax'
  | 'argmin'
  | 'variance'
  | 'logSumExp'
  | 'norm';

/** A block of elements as a fold walks it. */
export interface Block {
  /** Names of the states that are folded side by side: one, or four where a load holds four rows. */
  readonly lanes: readonly string[];
  /** WGSL expression: how many elements of each lane the block has, as u32. */
  readonly count: string;
  /** A loop over the block's elements. `body` writes statements for an element, its column and its lane. */
  readonly each: (body: (value: string, column: string, lane: string) => string) => string;
}

/**
 * How a reduction folds elements: into a state per block, states into one, the state into a result.
 * Blocks are short, so a sum of n elements rounds like n / block + block additions, not like n; and a fold
 * that needs two sweeps (variance) meets the cache in the second.
 */
export interface Fold {
  /** WGSL type of the state. */
  readonly state: string;
  /** State of no elements. */
  readonly identity: string;
  /** WGSL functions; `combine(a, b)` joins the states of two stretches, the first one first. */
  readonly functions: string;
  /** WGSL statements that declare and fill `block_<lane>` of every lane. */
  readonly fill: (block: Block) => string;
  /** WGSL expression for the result of state `s`; `params.scale` is the caller's number. */
  readonly finish: string;
}

/** WGSL type of values as folds see them: a bool is a word of 0 or 1. */
function foldType(dtype: DType): 'f32' | 'i32' | 'u32' {
  const type = valueType(dtype);
  return type === 'bool' ? 'u32' : type;
}

const declare = (block: Block, state: string, identity: string): string =>
  block.lanes.map((lane) => `var block_${lane}: ${state} = ${identity};`).join(' ');

/** A fold whose state takes one element after the other. */
function simple(
  state: string,
  identity: string,
  step: (s: string, value: string, column: string) => string,
  combine: string,
  finish: string,
  functions = '',
): Fold {
  return {
    state,
    identity,
    functions: `${functions}
fn combine(a: ${state}, b: ${state}) -> ${state} { return ${combine}; }
`,
    fill: (block) =>
      `${declare(block, state, identity)}
      ${block.each((value, column, lane) => step(`block_${lane}`, value, column))}`,
    finish,
  };
}

/** The sum of a bool counts its true elements in i32. */
function sumType(dtype: DType): 'f32' | 'i32' | 'u32' {
  return dtype === 'bool' ? 'i32' : foldType(dtype);
}

/** WGSL expression: an element is not zero; NaN is not. */
function nonzero(dtype: DType, value: string): string {
  return foldType(dtype) === 'f32' ? `(bitcast<u32>(${value}) & 0x7fffffffu) != 0u` : `bitcast<u32>(${value}) != 0u`;
}

function arithmetic(dtype: DType, sign: '+' | '*', finish: string): Fold {
  const type = sumType(dtype);
  return simple(
    type,
    `${type}(${sign === '+' ? 0 : 1})`,
    (s, value) => `${s} ${sign}= ${type}(${value});`,
    `a ${sign} b`,
    finish,
  );
}

function extreme(dtype: DType, largest: boolean): Fold {
  // As integers, the largest key of a NaN wins; for the minimum the keys of NaN are turned to the smallest.
  const isFloat = foldType(dtype) === 'f32';
  const key = (value: string): string =>
    isFloat && !largest ? `select(key_of(${value}), 0u, key_of(${value}) == 0xffffffffu)` : `key_of(${value})`;
  const pick = largest ? 'max' : 'min';
  return simple(
    'u32',
    largest ? '0u' : '0xffffffffu',
    (s, value) => `${s} = ${pick}(${s}, ${key(value)});`,
    `${pick}(a, b)`,
    'value_of(s)',
    keyFunctions(dtype),
  );
}

/** The state is (rank, column): the smallest rank, and the first column that has it. */
function position(dtype: DType, largest: boolean): Fold {
  return simple(
    'vec2u',
    'vec2u(0xffffffffu, 0xffffffffu)',
    // Columns of a block ascend, so only a smaller rank replaces; the first column replaces the identity.
    (s, value, column) =>
      `if (rank_of(${value}) < ${s}.x || ${s}.y == 0xffffffffu) { ${s} = vec2u(rank_of(${value}), ${column}); }`,
    'select(a, b, b.x < a.x || (b.x == a.x && b.y < a.y))',
    's.y',
    `${keyFunctions(dtype)}${rankFunction(dtype, largest, 'first')}`,
  );
}

/**
 * (count, mean, sum of squared distances from the mean).
 * Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm", 1979.
 */
const VARIANCE: Fold = {
  state: 'vec4f',
  identity: 'vec4f()',
  functions: `
fn combine(a: vec4f, b: vec4f) -> vec4f {
  if (b.x == 0.0) { return a; }
  if (a.x == 0.0) { return b; }
  let n = a.x + b.x;
  let d = b.y - a.y;
  return vec4f(n, a.y + d * (b.x / n), a.z + b.z + d * d * (a.x * (b.x / n)), 0.0);
}
`,
  fill: (block) => `let n = f32(${block.count});
      ${block.lanes.map((lane) => `var block_${lane} = vec4f(n, 0.0, 0.0, 0.0);`).join(' ')}
      ${block.each((value, _, lane) => `block_${lane}.y += f32(${value});`)}
      ${block.lanes.map((lane) => `block_${lane}.y = block_${lane}.y / max(n, 1.0);`).join(' ')}
      ${block.each((value, _, lane) => `{ let d = f32(${value}) - block_${lane}.y; block_${lane}.z += d * d; }`)}`,
  finish: 's.z * params.scale',
};

/** (key of the largest element, sum of e^(x - largest) as bits); key 0 stands for no elements. */
function logSumExp(dtype: DType): Fold {
  return {
    state: 'vec2u',
    identity: 'vec2u()',
    functions: `${keyFunctions(dtype)}
/* The largest element; 0 where it is infinite or NaN: there the result is that element, whatever the sum. */
fn shift_of(key: u32) -> f32 {
  let top = value_of(key);
  return select(top, 0.0, (bitcast<u32>(top) & 0x7f800000u) == 0x7f800000u);
}
fn combine(a: vec2u, b: vec2u) -> vec2u {
  if (b.x == 0u) { return a; }
  if (a.x == 0u) { return b; }
  let key = max(a.x, b.x);
  let top = shift_of(key);
  let total = bitcast<f32>(a.y) * exp(shift_of(a.x) - top) + bitcast<f32>(b.y) * exp(shift_of(b.x) - top);
  return vec2u(key, bitcast<u32>(total));
}
fn log_of(s: vec2u) -> f32 {
  let top = value_of(s.x);
  if ((bitcast<u32>(top) & 0x7f800000u) == 0x7f800000u) { return top; }
  return top + log(bitcast<f32>(s.y));
}
`,
    fill: (block) => `${block.lanes.map((lane) => `var block_${lane} = vec2u(); var total_${lane} = 0.0;`).join(' ')}
      ${block.each((value, _, lane) => `block_${lane}.x = max(block_${lane}.x, key_of(${value}));`)}
      ${block.lanes.map((lane) => `let top_${lane} = shift_of(block_${lane}.x);`).join(' ')}
      ${block.each((value, _, lane) => `total_${lane} += exp(${value} - top_${lane});`)}
      ${block.lanes.map((lane) => `block_${lane}.y = bitcast<u32>(total_${lane});`).join(' ')}`,
    finish: 'log_of(s)',
  };
}

/** The fold of a reduction over elements of a type. */
export function foldOf(reduction: Reduction, dtype: DType): Fold {
  switch (reduction) {
    case 'sum':
      return arithmetic(dtype, '+', 's');
    case 'mean':
      return simple('f32', '0.0', (s, value) => `${s} += f32(${value});`, 'a + b', 's * params.scale');
    case 'prod':
      return arithmetic(dtype, '*', 's');
    case 'max':
      return extreme(dtype, true);
    case 'min':
      return extreme(dtype, false);
    case 'argmax':
      return position(dtype, true);
    case 'argmin':
      return position(dtype, false);
    case 'any':
      return simple('u32', '0u', (s, value) => `${s} = ${s} | select(0u, 1u, ${nonzero(dtype, value)});`, 'a | b', 's');
    case 'all':
      return simple('u32', '1u', (s, value) => `${s} = ${s} & select(0u, 1u, ${nonzero(dtype, value)});`, 'a & b', 's');
    case 'countNonzero':
      return simple('i32', '0', (s, value) => `${s} += select(0, 1, ${nonzero(dtype, value)});`, 'a + b', 's');
    case 'norm':
      return simple('f32', '0.0', (s, value) => `${s} += f32(${value}) * f32(${value});`, 'a + b', 'sqrt(s)');
    case 'variance':
      return VARIANCE;
    case 'logSumExp':
      return logSumExp(dtype);
  }
}
