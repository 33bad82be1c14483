import { linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { RESOLVE_INDEX_WGSL } from './lib/index-value.wgsl.ts';

/*
 * Math     out[n, d] = f32(table[ids[n], d]) for a table in 16-bit floats; NaN where the id names no row
 * Layout   table [V, D] is any strided view, ids [N] one of u32 or i32, out [N, D] is plain. A table cut into row
 *          blocks is gathered block by block: each launch but the first leaves the rows of the others alone.
 * Dispatch one thread an element, or four of a row where they lie together and aligned.
 * Memory   what is named is read once, the output written once: no copy in 16 bits in between.
 * Numerics exact: every 16-bit float is an f32.
 */

export interface GatherWidenSpec {
  readonly dtype: 'f16' | 'bf16';
  readonly tokens: number;
  readonly width: number;
  readonly table: { readonly strides: readonly number[]; readonly offset: number };
  readonly index: { readonly stride: number; readonly offset: number; readonly isSigned: boolean };
  /** Rows of all blocks together. */
  readonly size: number;
  /** The block that the table holds: where it begins and how many rows it has. */
  readonly block: { readonly first: number; readonly rows: number };
}

const WORKGROUP = 256;
/** The bits of a NaN, as a parameter: WGSL has no constant of it. */
const NAN_BITS = 0x7fc00000;

/** Bindings: the whole buffers of the table and of the ids, out. */
export function planGatherWiden(spec: GatherWidenSpec): LaunchPlan {
  const { dtype, tokens, width, table, index, size, block } = spec;
  const [rowStride, columnStride] = table.strides as [number, number];
  const isQuad = columnStride === 1 && [width, rowStride, table.offset].every((count) => count % 4 === 0);
  const vec = isQuad ? 4 : 1;
  const isFirst = block.first === 0;
  return {
    kernel: {
      key: `gather-widen/${dtype}/${vec}/${isFirst}`,
      label: 'tensor/gather-widen',
      bindings: [
        { name: 'x', access: 'read', element: isQuad ? 'vec2<u32>' : 'u32' },
        { name: 'index', access: 'read', element: 'u32' },
        { name: 'out', access: 'read_write', element: isQuad ? 'vec4<u32>' : 'u32' },
      ],
      params: [
        ...['count', 'width', 'size', 'first', 'rows', 'isSigned', 'fill'],
        ...['rowStride', 'columnStride', 'offset', 'indexStride', 'indexOffset'],
      ].map((name) => ({ name, type: 'u32' as const })),
      body: () => `
${RESOLVE_INDEX_WGSL}
${isQuad ? QUADS[dtype] : SINGLES[dtype]}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * ${WORKGROUP}u + lane;
  if (i >= params.count) { return; }
  let n = i / params.width;
  let row = resolve(index[params.indexOffset + n * params.indexStride], params.size, params.isSigned) - params.first;
  if (row >= params.rows) {
    ${isFirst ? `out[i] = ${isQuad ? 'vec4u(params.fill)' : 'params.fill'};` : ''}
    return;
  }
  out[i] = widened(params.offset + row * params.rowStride + (i % params.width) * params.columnStride);
}
`,
    },
    params: [
      ...[(tokens * width) / vec, width / vec, size, block.first, block.rows, index.isSigned ? 1 : 0, NAN_BITS],
      ...[rowStride / vec, columnStride, table.offset / vec, index.stride, index.offset],
    ],
    workgroups: linearWorkgroups(Math.ceil((tokens * width) / vec / WORKGROUP)),
    bytes: tokens * width * 6,
  };
}

/** The bits of four elements as f32. */
const QUADS = {
  f16: `fn widened(at: u32) -> vec4u {
  let words = x[at];
  return bitcast<vec4u>(vec4f(unpack2x16float(words.x), unpack2x16float(words.y)));
}`,
  bf16: `fn widened(at: u32) -> vec4u {
  let words = x[at];
  return vec4u(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u);
}`,
};

/** The bits of one element as f32. */
const SINGLES = {
  f16: 'fn widened(at: u32) -> u32 { return bitcast<u32>(unpack2x16float(x[at >> 1u] >> ((at & 1u) << 4u)).x); }',
  bf16: 'fn widened(at: u32) -> u32 { return (x[at >> 1u] >> ((at & 1u) << 4u)) << 16u; }',
};
