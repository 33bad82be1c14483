import type { DType } from '../dtype.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { storageType } from './lib/element.wgsl.ts';
import { type RowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';
import { type RowAccess, rowAccess, type StridedRows } from './lib/strided-rows.wgsl.ts';
import { type Block, type Fold, foldOf, type Reduction } from './reduce-folds.ts';

/*
 * Math     out[r] = fold over j of in[r, j]; the folds are in reduce-folds.ts.
 * Layout   rows of a strided view, see lib/strided-rows.wgsl.ts; out is contiguous.
 * Dispatch LANES threads a row, or a thread for four neighbouring rows (lanes 1) where the rows are what is
 *          contiguous. Few long rows are cut into \`splits\` parts, whose states a second launch combines.
 * Memory   every input is read once (variance and log-sum-exp read blocks of BLOCK loads twice, from the cache).
 * Numerics f32 for floats: blocks of BLOCK loads a thread, then the blocks in order, then a fixed tree
 *          across threads. Integers in their own type, wrapping.
 */

/** Loads a thread folds before it joins them with what it has. */
const BLOCK = 64;
/** Threads of a workgroup whose threads have rows of their own. */
const OWN_ROWS: Readonly<Record<AdapterClass, number>> = { cpu: 16, gpu: 64 };

export interface ReduceLayout {
  readonly threads: RowLayout;
  readonly splits: number;
}

/**
 * How many threads share a row, and in how many parts a row is cut. A CPU driver wants threads without
 * barriers and a few workgroups a core; a GPU wants thousands of threads that read neighbouring addresses.
 */
function chooseReduceLayout(access: RowAccess, adapterClass: AdapterClass): ReduceLayout {
  const { rows, width, mode } = access;
  const own = { lanes: 1, rowsPerGroup: OWN_ROWS[adapterClass] };
  const cut = (threads: number, least: number): number =>
    Math.max(1, Math.min(Math.ceil(threads / rows), Math.ceil(width / least), 256));
  if (adapterClass === 'cpu') {
    // Measured on lavapipe with two cores: a launch costs 40 us, a load 0.3 ns to 1 ns.
    if (mode === 'outer') return { threads: own, splits: cut(32, 1024) };
    if (rows >= 64) return { threads: own, splits: 1 };
    return { threads: { lanes: 16, rowsPerGroup: 1 }, splits: cut(8, 16384) };
  }
  const enough = 16384;
  if (mode === 'outer' || (rows >= enough && width <= 32)) return { threads: own, splits: cut(enough, 4 * BLOCK) };
  if (width <= 32) return { threads: { lanes: 16, rowsPerGroup: 4 }, splits: 1 };
  if (rows >= 1024 || width < 1024) return { threads: { lanes: 64, rowsPerGroup: 2 }, splits: 1 };
  return { threads: { lanes: 256, rowsPerGroup: 1 }, splits: cut(enough / 256, 8 * 256) };
}

/** One reduction: what is folded, and how. */
export interface ReduceSpec {
  readonly reduction: Reduction;
  readonly rows: StridedRows;
  readonly dtype: DType;
  /** Element type of the results: f32, i32, u32 or bool. */
  readonly out: DType;
  /** What the fold multiplies its result by, where it does: 1 / n of a mean, 1 / (n - correction) of a variance. */
  readonly scale: number;
}

/** Launches of a reduction. With `parts`, the first writes states there and `second` makes results of them. */
export interface ReducePlan {
  /** Bindings: source, out or parts. */
  readonly first: LaunchPlan;
  /** The states between the two launches, in elements of 4 bytes, and the launch that combines them. */
  readonly parts?: { readonly words: number; readonly second: LaunchPlan };
}

/** Plans a reduction of rows that are not empty. */
export function planReduce(spec: ReduceSpec, adapterClass: AdapterClass, chosen?: ReduceLayout): ReducePlan {
  const access = rowAccess(spec.rows, spec.dtype);
  const { threads, splits } = chosen ?? chooseReduceLayout(access, adapterClass);
  const part = Math.ceil(access.width / splits);
  const first: LaunchPlan = {
    kernel: foldKernel(spec, access, threads, splits > 1),
    params: [access.rows * splits, access.rows, access.width, part, spec.scale, ...access.values],
    workgroups: linearWorkgroups(Math.ceil((access.rows * splits) / threads.rowsPerGroup)),
  };
  if (splits === 1) return { first };
  const results = access.rows * resultsPerThread(access);
  return {
    first,
    parts: {
      words: results * splits * WORDS[foldOf(spec.reduction, spec.dtype).state]!,
      second: {
        kernel: combineKernel(spec),
        params: [results, splits, spec.scale],
        workgroups: linearWorkgroups(Math.ceil(results / 16)),
      },
    },
  };
}

/** Words of 4 bytes of a state. */
const WORDS: Readonly<Record<string, number>> = { f32: 1, i32: 1, u32: 1, vec2u: 2, vec4f: 4 };

const resultsPerThread = (access: RowAccess): number => (access.mode === 'outer' ? 4 : 1);

function foldKernel(spec: ReduceSpec, access: RowAccess, layout: RowLayout, isPart: boolean): Kernel {
  const fold = foldOf(spec.reduction, spec.dtype);
  const label = `tensor/${spec.reduction}`;
  return {
    key: `reduce/${spec.reduction}/${access.key}/${spec.out}/${isPart}/${layout.lanes}x${layout.rowsPerGroup}`,
    label: isPart ? `${label}/parts` : label,
    bindings: [
      { name: 'source', access: 'read', element: access.element },
      { name: 'out', access: 'read_write', element: isPart ? fold.state : storageType(spec.out) },
    ],
    params: [
      ...['rows', 'outputs', 'width', 'part'].map((name) => ({ name, type: 'u32' as const })),
      { name: 'scale', type: 'f32' },
      ...access.params,
    ],
    body: () => foldBody(fold, access, layout, isPart),
  };
}

function foldBody(fold: Fold, access: RowAccess, layout: RowLayout, isPart: boolean): string {
  const { lanes } = layout;
  const states = access.mode === 'outer' ? ['0', '1', '2', '3'] : ['0'];
  const components = ['x', 'y', 'z', 'w'];
  const perLoad = access.mode === 'inner' ? 4 : 1;
  const block: Block = {
    lanes: states,
    count: `(stop - start + ${lanes - 1}u) / ${lanes}u * ${perLoad}u`,
    each: (body) => `for (var j = start; j < stop; j += ${lanes}u) {
        let loaded = ${access.load('source', 'base + column_at(j)')};
        ${
          access.mode === 'inner'
            ? components.map((c, i) => body(`loaded.${c}`, `(4u * j + ${i}u)`, '0')).join(' ')
            : access.mode === 'outer'
              ? components.map((c, i) => body(`loaded.${c}`, 'j', String(i))).join(' ')
              : body('loaded', 'j', '0')
        }
      }`,
  };
  const results = states.map((lane) => {
    const at = states.length === 1 ? 'index' : `4u * index + ${lane}u`;
    return isPart ? `out[${at}] = state_${lane};` : `{ let s = state_${lane}; out[${at}] = ${fold.finish}; }`;
  });
  return `${fold.functions}${access.functions}
${states
  .map((lane) =>
    // Only one row a thread is ever shared between threads.
    lane === '0' ? rowReduceFunction('state', layout, (a, b) => `combine(${a}, ${b})`, fold.state) : '',
  )
  .join('')}
${rowEntry(layout)}
  let split = row / params.outputs;
  let base = row_base(row % params.outputs);
  let end = min((split + 1u) * params.part, params.width);
  ${states.map((lane) => `var state_${lane}: ${fold.state} = ${fold.identity};`).join('\n  ')}
  for (var start = split * params.part + lane; start < end; start += ${BLOCK * lanes}u) {
    let stop = min(start + ${BLOCK * lanes}u, end);
    ${fold.fill(block)}
    ${states.map((lane) => `state_${lane} = combine(state_${lane}, block_${lane});`).join(' ')}
  }
  ${lanes > 1 ? 'state_0 = reduceRow_state(state_0, lane, slot);' : ''}
  if (!inside || lane != 0u) { return; }
  let index = ${isPart ? 'row' : 'row % params.outputs'};
  ${results.join('\n  ')}
}
`;
}

function combineKernel(spec: ReduceSpec): Kernel {
  const fold = foldOf(spec.reduction, spec.dtype);
  return {
    key: `reduce-combine/${spec.reduction}/${spec.dtype}/${spec.out}`,
    label: `tensor/${spec.reduction}/combine`,
    bindings: [
      { name: 'parts', access: 'read', element: fold.state },
      { name: 'out', access: 'read_write', element: storageType(spec.out) },
    ],
    params: [
      { name: 'rows', type: 'u32' },
      { name: 'splits', type: 'u32' },
      { name: 'scale', type: 'f32' },
    ],
    body: () => `${fold.functions}
@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = (group.x + group.y * groups.x) * 16u + thread;
  if (row >= params.rows) { return; }
  var s = parts[row];
  for (var split = 1u; split < params.splits; split++) { s = combine(s, parts[split * params.rows + row]); }
  out[row] = ${fold.finish};
}
`,
  };
}
