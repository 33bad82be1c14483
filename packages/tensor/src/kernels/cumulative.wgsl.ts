import type { DType } from '../dtype.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { rowAccess, type StridedRows } from './lib/strided-rows.wgsl.ts';
import { planReduce } from './reduce.wgsl.ts';
import { foldOf } from './reduce-folds.ts';

/*
 * Math     out[r, j] = in[r, 0] + ... + in[r, j], or the product; from the end with \`reverse\`, without
 *          in[r, j] itself with \`exclusive\`.
 * Layout   rows of a strided view, see lib/strided-rows.wgsl.ts; out [outer, width, inner], contiguous.
 * Dispatch a thread walks a row on a CPU driver or where there are many; otherwise 256 threads scan it in
 *          tiles. Few long rows are cut into parts: a first launch reduces each part, and each part of the
 *          scan starts from what the parts before it come to.
 * Memory   1 read and 1 write; 2 reads in parts.
 * Numerics f32 (integers in their own type, wrapping), in order within a part or a tile.
 * Source   Hillis and Steele, "Data parallel algorithms", 1986 (the scan of a tile).
 */

export type Accumulation = 'sum' | 'prod';

export interface CumulativeSpec {
  readonly accumulation: Accumulation;
  readonly rows: StridedRows;
  readonly dtype: DType;
  /** Elements of the axis, and of the axes after it. */
  readonly width: number;
  readonly inner: number;
  readonly reverse: boolean;
  readonly exclusive: boolean;
}

/** Launches of a scan; with \`parts\`, \`parts.first\` comes before and writes their results. */
export interface CumulativePlan {
  /** Bindings: source, [parts,] out. */
  readonly scan: LaunchPlan;
  /** Words of the results, and the launch that writes them. Bindings: source, parts. */
  readonly parts?: { readonly words: number; readonly first: LaunchPlan };
}

export interface CumulativeLayout {
  /** Threads that share a row. */
  readonly lanes: number;
  readonly parts: number;
}

function chooseCumulativeLayout(rows: number, width: number, adapterClass: AdapterClass): CumulativeLayout {
  if (adapterClass === 'cpu') {
    return { lanes: 1, parts: rows < 64 ? Math.max(1, Math.min(64, Math.floor(width / 1024))) : 1 };
  }
  if (rows >= 4096 || width <= 64) return { lanes: 1, parts: 1 };
  return { lanes: 256, parts: rows < 64 ? Math.max(1, Math.min(64, Math.floor(width / 4096))) : 1 };
}

export function planCumulative(
  spec: CumulativeSpec,
  adapterClass: AdapterClass,
  chosen?: CumulativeLayout,
): CumulativePlan {
  const { accumulation, rows, dtype, width } = spec;
  const access = rowAccess(rows, dtype, 'single');
  const layout = chosen ?? chooseCumulativeLayout(access.rows, width, adapterClass);
  if (layout.parts === 1) return { scan: scanLaunch(spec, layout, access.rows, width) };
  // The parts of the reduction count loads, which may be of four elements; four rows a thread are not shared.
  const loads = rowAccess(rows, dtype);
  const part = Math.ceil(loads.width / layout.parts) * (width / loads.width);
  const { first } = planReduce({ reduction: accumulation, rows, dtype, out: 'f32', scale: 1 }, adapterClass, {
    threads:
      loads.mode === 'outer' || layout.lanes === 1
        ? { lanes: 1, rowsPerGroup: 16 }
        : { lanes: layout.lanes, rowsPerGroup: 1 },
    splits: layout.parts,
  });
  return { scan: scanLaunch(spec, layout, access.rows, part), parts: { words: access.rows * layout.parts, first } };
}

function scanLaunch(spec: CumulativeSpec, layout: CumulativeLayout, rows: number, part: number): LaunchPlan {
  const threads = layout.lanes === 1 ? 16 : layout.lanes;
  const perGroup = layout.lanes === 1 ? 16 : 1;
  return {
    kernel: scanKernel(spec, layout, threads),
    params: [
      rows * layout.parts,
      rows,
      spec.width,
      part,
      layout.parts,
      spec.inner,
      ...rowAccess(spec.rows, spec.dtype, 'single').values,
    ],
    workgroups: linearWorkgroups(Math.ceil((rows * layout.parts) / perGroup)),
  };
}

function scanKernel(spec: CumulativeSpec, { lanes, parts }: CumulativeLayout, threads: number): Kernel {
  const { accumulation, dtype, reverse, exclusive } = spec;
  const { state: type, identity } = foldOf(accumulation, dtype);
  const access = rowAccess(spec.rows, dtype, 'single');
  const inParts = parts > 1;
  const sign = accumulation === 'sum' ? '+' : '*';
  // \`at\` is the place in the order of the scan, whichever end that starts from.
  const column = reverse ? 'end - 1u - at' : 'first + at';
  const earlier = reverse ? 'for (var p = part + 1u; p < params.parts; p++)' : 'for (var p = 0u; p < part; p++)';
  const value = `${type}(${access.load('source', `base + column_at(${column})`)})`;
  const write = (result: string): string => `out[to + (${column}) * params.inner] = ${result};`;
  const sequential = `
  for (var at = 0u; at < end - first; at++) {
    let next = carry ${sign} ${value};
    ${write(exclusive ? 'carry' : 'next')}
    carry = next;
  }`;
  const tiled = `
  for (var tile = 0u; tile < end - first; tile += ${lanes}u) {
    let at = tile + lane;
    var sum: ${type} = ${identity};
    if (at < end - first) { sum = ${value}; }
    scanned[lane] = sum;
    workgroupBarrier();
    for (var span = 1u; span < ${lanes}u; span = span * 2u) {
      if (lane >= span) { sum = scanned[lane - span] ${sign} sum; }
      workgroupBarrier();
      scanned[lane] = sum;
      workgroupBarrier();
    }
    if (at < end - first) {
      ${
        exclusive
          ? `var before: ${type} = ${identity};
      if (lane > 0u) { before = scanned[lane - 1u]; }
      ${write(`carry ${sign} before`)}`
          : write(`carry ${sign} sum`)
      }
    }
    carry = carry ${sign} scanned[${lanes - 1}u];
    workgroupBarrier();
  }`;
  return {
    key: `cumulative/${accumulation}/${access.key}/${reverse}/${exclusive}/${lanes}/${inParts}`,
    label: `tensor/cum${accumulation}`,
    bindings: [
      { name: 'source', access: 'read', element: access.element },
      ...(inParts ? [{ name: 'totals', access: 'read' as const, element: type }] : []),
      { name: 'out', access: 'read_write', element: type },
    ],
    params: [
      ...['rows', 'outputs', 'width', 'part', 'parts', 'inner'].map((name) => ({ name, type: 'u32' as const })),
      ...access.params,
    ],
    body: () => `${access.functions}
${lanes > 1 ? `var<workgroup> scanned: array<${type}, ${lanes}>;` : ''}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = ${lanes === 1 ? `(group.x + group.y * groups.x) * ${threads}u + lane` : 'group.x + group.y * groups.x'};
  if (index >= params.rows) { return; }
  let part = index / params.outputs;
  let row = index % params.outputs;
  let base = row_base(row);
  let to = (row / params.inner) * params.width * params.inner + row % params.inner;
  let first = min(part * params.part, params.width);
  let end = min(first + params.part, params.width);
  var carry: ${type} = ${identity};
  ${inParts ? `${earlier} { carry = carry ${sign} totals[p * params.outputs + row]; }` : ''}${lanes === 1 ? sequential : tiled}
}
`,
  };
}
