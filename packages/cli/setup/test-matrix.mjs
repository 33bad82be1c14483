/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * What one column of the matrix gave: counts by row, or why nothing of it ran.
 *
 * @typedef {object} Column
 * @property {string} name
 * @property {string} [adapter] the adapter's own name
 * @property {string} [skipped] why the column did not run
 * @property {ReadonlyMap<string, Counts>} rows
 */

/**
 * The rows of the matrix, by the beginning of a test file's path; the first that fits counts.
 *
 * @type {readonly (readonly [row: string, paths: readonly string[]])[]}
 */
const ROWS = [
  ['ops: forward, errors', ['packages/tensor/test/ops.forward']],
  ['ops: fuzzed', ['packages/tensor/test/ops/fuzz']],
  ['ops: NaN, Inf, huge', ['packages/tensor/test/ops/special-values']],
  ['ops: gradients', ['packages/autograd/test/ops.gradient']],
  ['every kernel compiles', ['packages/tensor/test/adapters/', 'packages/autograd/test/adapters/']],
  ['in a browser', ['packages/models/test/adapters/']],
  ['ops: one by one', ['packages/tensor/test/ops/']],
  ['kernels', ['packages/tensor/test/kernels/']],
  ['device, memory, plans', ['packages/tensor/test/']],
  ['autograd, optimizers', ['packages/autograd/test/']],
  ['models', ['packages/models/test/']],
];

/**
 * @param {string} path of a test file, relative to the repository
 * @returns {string}
 */
export function rowOf(path) {
  return ROWS.find(([, paths]) => paths.some((start) => path.startsWith(start)))?.[0] ?? path;
}

/**
 * Rows are suites, columns adapters; a cell says what ran. What was left out stands below, with the reason.
 *
 * @param {readonly Column[]} columns
 * @returns {string}
 */
export function matrixText(columns) {
  const rows = ROWS.map(([row]) => row).filter((row) => columns.some((column) => column.rows.has(row)));
  const table = [
    ['', ...columns.map(({ name }) => name)],
    ...rows.map((row) => [row, ...columns.map((column) => cell(column, row))]),
  ];
  const widths = table[0]?.map((_, i) => Math.max(...table.map((line) => line[i]?.length ?? 0))) ?? [];
  const lines = table.map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const notes = columns.map(
    ({ name, adapter, skipped }) => `${name}: ${skipped === undefined ? adapter : `skipped, ${skipped}`}`,
  );
  return [...lines, '', ...notes].join('\n');
}

/**
 * @param {Column} column
 * @param {string} row
 */
function cell({ skipped, rows }, row) {
  if (skipped !== undefined) return 'skipped';
  const counts = rows.get(row);
  if (counts === undefined) return '-';
  const left = counts.skipped > 0 ? ` (${counts.skipped} skipped)` : '';
  return counts.failed > 0 ? `${counts.failed} FAILED, ${counts.passed} ok${left}` : `${counts.passed} ok${left}`;
}
