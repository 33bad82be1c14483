/*
 * Rows shared by LANES threads. A workgroup holds ROWS rows of LANES threads each; each thread folds
 * its share of the row and the shares meet in a tree of fixed order, so results are reproducible.
 * With LANES = 1 there is no barrier at all, which is what a CPU driver wants.
 */

/** How many threads share a row, and how many rows a workgroup holds. */
export interface RowLayout {
  readonly lanes: number;
  readonly rowsPerGroup: number;
}

/**
 * On a CPU driver a thread a row, or 16 where rows are few: more threads only add barriers (measured on
 * lavapipe, rows of 1,024 to 65,536). On a GPU 16, 64 or 256 threads a row, by its length.
 */
export function chooseRowLayout(rows: number, width: number, adapterClass: 'cpu' | 'gpu'): RowLayout {
  if (adapterClass === 'cpu') return rows >= 64 ? { lanes: 1, rowsPerGroup: 16 } : { lanes: 16, rowsPerGroup: 1 };
  if (width >= 4096) return { lanes: 256, rowsPerGroup: 1 };
  if (width <= 32) return { lanes: 16, rowsPerGroup: 8 };
  return { lanes: 64, rowsPerGroup: 2 };
}

/**
 * Workgroup memory and helper for `reduceRow_<name>(value, lane, slot)`: every thread gets the total.
 * `combine` need not be commutative: its first operand comes from the lower lanes.
 */
export function rowReduceFunction(
  name: string,
  layout: RowLayout,
  combine: (a: string, b: string) => string,
  type = 'f32',
): string {
  if (layout.lanes === 1) {
    return `fn reduceRow_${name}(value: ${type}, lane: u32, slot: u32) -> ${type} { return value; }\n`;
  }
  const total = layout.lanes * layout.rowsPerGroup;
  return `var<workgroup> pool_${name}: array<${type}, ${total}>;
fn reduceRow_${name}(value: ${type}, lane: u32, slot: u32) -> ${type} {
  let base = slot * ${layout.lanes}u;
  pool_${name}[base + lane] = value;
  workgroupBarrier();
  for (var span = ${layout.lanes / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) {
      pool_${name}[base + lane] = ${combine(`pool_${name}[base + lane]`, `pool_${name}[base + lane + span]`)};
    }
    workgroupBarrier();
  }
  let total = pool_${name}[base];
  workgroupBarrier();
  return total;
}
`;
}

/** The entry point's head: \`row\`, \`lane\` and \`slot\`; threads past the last row stay for the barriers. */
export function rowEntry(layout: RowLayout): string {
  return `@compute @workgroup_size(${layout.lanes * layout.rowsPerGroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % ${layout.lanes}u;
  let slot = thread / ${layout.lanes}u;
  let unclamped = (group.x + group.y * groups.x) * ${layout.rowsPerGroup}u + slot;
  let inside = unclamped < params.rows;
  let row = min(unclamped, params.rows - 1u);
`;
}
