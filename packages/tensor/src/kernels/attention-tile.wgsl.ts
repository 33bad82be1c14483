import { ToolError } from '../errors.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { type KernelParam, linearWorkgroups, type Workgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * What the packed attention kernels share: a thread owns one or two rows (queries in the forward pass
 * and in dQ, keys in dK/dV) and keeps their vectors in registers; all threads of a workgroup walk the
 * same rows of the other side, a few at a time.
 *
 * How the walked rows arrive is the one difference between adapters:
 *   cpu  read from the storage buffer by every thread at one address. A CPU driver turns that into a
 *        bounds check, a scalar load and a broadcast for each number, so two rows a thread halve the
 *        cost; a workgroup of 8 threads is one SIMD subgroup. Measured on Mesa 26.1, 1024 tokens,
 *        E 16: 20 GFLOP/s with one row a thread, 29 with two; barriers instead cost half the speed.
 *   gpu  staged by all threads in workgroup memory, TILE rows at a time, behind two barriers.
 * The order of the arithmetic is the same, so both give the same bits on one adapter.
 */

/** Head widths up to this are supported: a thread holds whole head vectors in registers. */
export const MAX_HEAD_DIM = 256;

/** Storage of q, k, v and the caches. */
export type HeadDType = 'f32' | 'f16' | 'bf16';

/**
 * f16 multiplies in f16 (scores are summed over the head in f16, o over the keys in f32) and needs the
 * adapter's `shader-f16`.
 */
export type HeadArithmetic = 'f32' | 'f16';

/** Strides, offsets and counts of one attention call; the token counts per sequence stay on the GPU. */
export interface AttentionShape {
  /** N: packed tokens. */
  readonly rows: number;
  /** H: query heads; a multiple of `kvHeads`. */
  readonly heads: number;
  /** K: key and value heads. */
  readonly kvHeads: number;
  /** E: head width, 1 to 256. */
  readonly headDim: number;
  /** Elements from one row to the next; at least heads * headDim (kvHeads for k and v). */
  readonly qStride: number;
  readonly kStride: number;
  readonly vStride: number;
  /** First element of q, k, v in their bindings, for column slices of a wider matrix. Default 0. */
  readonly qOffset?: number;
  readonly kOffset?: number;
  readonly vOffset?: number;
  /** q, k and v are columns of one binding, and so are their gradients. Default: a binding each. */
  readonly packed?: boolean;
  /** How q, k and v are stored; everything else is f32. Default f32. */
  readonly dtype?: HeadDType;
  /** What the forward pass multiplies in. Default f32. */
  readonly arithmetic?: HeadArithmetic;
  /** A query sees itself and the window - 1 keys before it; 0 for the whole sequence. */
  readonly window: number;
  /** Factor on q·k, usually 1 / sqrt(E). */
  readonly scale: number;
  readonly adapterClass: AdapterClass;
  /** Visible (query, key) pairs of a head, for the cost figures. Default: those of one sequence. */
  readonly pairs?: number;
}

/** A launch with its cost: `flops` of the visible pairs, `bytes` of compulsory traffic. */
export interface AttentionPlan extends LaunchPlan {
  readonly flops: number;
  readonly bytes: number;
}

/** Numbers that the text of a kernel depends on. */
export interface AttentionTile {
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Rows of a thread: what is read of a walked row serves all of them. */
  readonly rowsPerThread: number;
  /** Walked rows in one step: one exponent update and one loop turn for all of them. */
  readonly step: number;
  /** Walked rows in workgroup memory; 0 to read storage directly. */
  readonly staged: number;
  /** vec4s of a head vector; the last is padded with zeros. */
  readonly chunks: number;
  readonly headDim: number;
  /** Elements of a load or store: whole vec4s where strides and offsets allow. */
  readonly vec: 1 | 4;
  readonly packed: boolean;
  readonly dtype: HeadDType;
  readonly arithmetic: HeadArithmetic;
}

/** Bytes of workgroup memory that WebGPU guarantees. */
const WORKGROUP_BYTES = 16384;

/** Throws ToolError 'shape' or 'limit' for a shape that the kernels cannot compute. */
export function checkAttentionShape(op: string, shape: AttentionShape): void {
  const { rows, heads, kvHeads, headDim, window } = shape;
  for (const [name, value] of Object.entries({ rows, heads, kvHeads, headDim })) {
    if (Number.isSafeInteger(value) && value >= (name === 'rows' ? 0 : 1)) continue;
    throw new ToolError('shape', { op, expected: `a positive whole number of ${name}`, got: String(value) });
  }
  if (headDim > MAX_HEAD_DIM) {
    throw new ToolError('limit', { op, expected: `a head width of at most ${MAX_HEAD_DIM}`, got: String(headDim) });
  }
  if (heads % kvHeads !== 0) {
    throw new ToolError('shape', {
      op,
      expected: 'query heads in a multiple of the kv heads',
      got: `${heads} query heads and ${kvHeads} kv heads`,
    });
  }
  if (!Number.isSafeInteger(window) || window < 0) {
    throw new ToolError('shape', { op, expected: 'a window of 0 (none) or more tokens', got: String(window) });
  }
  const sides = [
    ['q', shape.qStride, shape.qOffset ?? 0, heads],
    ['k', shape.kStride, shape.kOffset ?? 0, kvHeads],
    ['v', shape.vStride, shape.vOffset ?? 0, kvHeads],
  ] as const;
  for (const [name, stride, offset, count] of sides) {
    if (stride < count * headDim) {
      throw new ToolError('shape', {
        op,
        expected: `a ${name} stride of at least ${count * headDim}`,
        got: String(stride),
      });
    }
    if (offset + rows * stride >= 2 ** 31) {
      throw new ToolError('limit', {
        op,
        expected: `element indices of ${name} below 2^31`,
        got: `${rows} rows of ${stride}`,
      });
    }
  }
}

/**
 * A good static tile. `stagedScalars` is what a walked row brings besides its two head vectors.
 * Registers grow with the head width, so wide heads take fewer walked rows in a step.
 */
export function chooseAttentionTile(
  shape: AttentionShape,
  stagedScalars: number,
  arithmetic: HeadArithmetic = 'f32',
): AttentionTile {
  const { headDim, adapterClass, packed = false, dtype = 'f32' } = shape;
  const chunks = Math.ceil(headDim / 4);
  const aligned = [headDim, shape.qStride, shape.kStride, shape.vStride, shape.qOffset, shape.kOffset, shape.vOffset];
  const vec = aligned.every((value = 0) => value % 4 === 0) ? 4 : 1;
  const heads = { chunks, headDim, vec, packed, dtype, arithmetic } as const;
  if (adapterClass === 'cpu') {
    // Best of steps 1, 2, 4, 8 with 1, 2, 4 rows a thread; larger texts gain nothing and compile for seconds.
    const step = headDim > 32 ? 1 : headDim > 16 ? 2 : 4;
    return { threads: 8, rowsPerThread: headDim > 128 ? 1 : 2, step, staged: 0, ...heads };
  }
  const step = headDim > 128 ? 1 : headDim > 64 ? 2 : headDim > 32 ? 4 : 8;
  const rowBytes = 2 * chunks * 16 + stagedScalars * 4;
  const staged = Math.min(32, Math.floor(WORKGROUP_BYTES / rowBytes / step) * step);
  return { threads: 64, rowsPerThread: 1, step, staged, ...heads };
}

export function tileKey(tile: AttentionTile): string {
  const { headDim, vec, threads, rowsPerThread, step, staged, packed, dtype, arithmetic } = tile;
  return `e${headDim}/v${vec}/t${threads}x${rowsPerThread}x${step}/s${staged}/${dtype}/${arithmetic}${packed ? '/packed' : ''}`;
}

export const ATTENTION_PARAMS: readonly KernelParam[] = [
  ...['rows', 'heads', 'group', 'window', 'qStride', 'kStride', 'vStride', 'qOffset', 'kOffset', 'vOffset'].map(
    (name) => ({ name, type: 'u32' }) as const,
  ),
  { name: 'scale', type: 'f32' },
];

/** Values of ATTENTION_PARAMS; strides and offsets in binding elements. */
export function attentionParams(shape: AttentionShape, tile: AttentionTile): number[] {
  const { rows, heads, kvHeads, window, qStride, kStride, vStride, qOffset = 0, kOffset = 0, vOffset = 0 } = shape;
  const offsets = [qStride, kStride, vStride, qOffset, kOffset, vOffset].map((value) => value / tile.vec);
  return [rows, heads, heads / kvHeads, window === 0 ? 0xffffffff : window, ...offsets, shape.scale];
}

/** Rows of a workgroup. */
function blockRows(tile: AttentionTile): number {
  return tile.threads * tile.rowsPerThread;
}

/** A workgroup for each block of rows and head; heads of a block are neighbours and share the cache. */
export function blockWorkgroups(shape: AttentionShape, heads: number, tile: AttentionTile): Workgroups {
  return linearWorkgroups(Math.ceil(shape.rows / blockRows(tile)) * heads);
}

/** Visible pairs of all heads: what the flops of attention are proportional to. */
export function visiblePairs(shape: AttentionShape): number {
  const { rows, window, heads } = shape;
  const longest = window === 0 ? rows : Math.min(window, rows);
  return heads * (shape.pairs ?? (longest * (longest + 1)) / 2 + (rows - longest) * longest);
}

/** Text for each of `count` items. */
export function each(count: number, text: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => text(index)).join('\n');
}

/** `a + b + c ...` or `max(max(a, b), c) ...` of `count` names. */
export function fold(count: number, name: (index: number) => string, join: (a: string, b: string) => string): string {
  return Array.from({ length: count }, (_, index) => name(index)).reduce(join);
}

/**
 * 2^x in two parts: an integer exponent and a polynomial for the rest. A running maximum of integer
 * exponents makes every rescaling of an online softmax exact, so that the result of a row does not
 * depend on where the steps of the walk begin, hence not on what it is packed with. Degree 6 on
 * [-1/2, 1/2] (Chebyshev interpolation): relative error below 1e-7 in f32.
 * MASKED lies below LOWEST, so a masked score never becomes the maximum and weighs exactly 0.
 */
export const EXP2_WGSL = `
const MASKED = -1e30;
const LOWEST = -1e29;
const LOG2E = 1.4426950408889634;
/** 2^f for f in [-1/2, 1/2]. */
fn exp2Part(f: f32) -> f32 {
  var y = fma(f, 1.546144469559450e-4, 1.340042817741655e-3);
  y = fma(f, y, 9.618056678532438e-3);
  y = fma(f, y, 5.550327226670847e-2);
  y = fma(f, y, 2.402265092228873e-1);
  y = fma(f, y, 6.931472067028324e-1);
  return fma(f, y, 1.0);
}
/** 2^n for an integer n up to 127; 0 below -126. The sum leaves n + 127 in the low mantissa bits. */
fn powerOfTwo(n: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(max(n, -127.0) + 12583039.0) << 23u);
}
`;

/** The first key that a query sees. */
export const FIRST_KEY_WGSL = `
fn firstKey(row: u32) -> u32 {
  return max(segStart[row], select(row + 1u - params.window, 0u, row < params.window));
}
`;

/** Names of the launch: workgroup, block of rows and head. `heads` is WGSL for the count of heads. */
export function blockEntry(tile: AttentionTile, heads: string): string {
  return `@compute @workgroup_size(${tile.threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;
  let block = id / (${heads});
  let first = block * ${blockRows(tile)}u;
  if (first >= params.rows) { return; }
  let last = min(first + ${blockRows(tile)}u, params.rows) - 1u;
  let blockHead = id - block * (${heads});`;
}

/** The vec4 partial products summed in the one order that all passes use, so that scores agree to the bit. */
export function sumOf(name: string): string {
  return `((${name}.x + ${name}.y) + (${name}.z + ${name}.w))`;
}
