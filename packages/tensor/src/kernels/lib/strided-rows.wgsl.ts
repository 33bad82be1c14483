import type { DType } from '../../dtype.ts';
import type { KernelParam } from '../../gpu/kernel.ts';
import { collapseLoops, type Shape, sizeOf } from '../../shape.ts';
import { isPacked, loadElement, loadPair, storageType } from './element.wgsl.ts';

/*
 * Rows of a strided view: some axes count the rows, the others the columns of a row, in any order and with
 * any strides. Neighbouring axes are merged, so that the common cases need no division for an address.
 * Where memory allows, a load takes four elements: four columns of a row (`inner`) or one column of four
 * rows (`outer`). A load is what costs on a CPU driver, whatever its width.
 */

/** Sizes and strides in elements, outermost first; each list has at least one entry. */
export interface StridedRows {
  readonly rowDims: readonly number[];
  readonly rowStrides: readonly number[];
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** What one load takes: an element, four columns of a row, or a column of four rows. */
export type LoadMode = 'single' | 'inner' | 'outer';

function merged(shape: Shape, strides: readonly number[]): { dims: number[]; strides: number[] } {
  const nest = collapseLoops(shape, [strides]);
  return nest.dims.length === 0 ? { dims: [1], strides: [0] } : { dims: nest.dims, strides: nest.strides[0]! };
}

/** The rows of a view whose `axes` are the columns. */
export function stridedRows(
  view: { readonly shape: Shape; readonly strides: readonly number[]; readonly offset: number },
  axes: readonly number[],
): StridedRows {
  const pick = (values: readonly number[], columns: boolean): number[] =>
    values.filter((_, axis) => axes.includes(axis) === columns);
  const rows = merged(pick(view.shape, false), pick(view.strides, false));
  const columns = merged(pick(view.shape, true), pick(view.strides, true));
  return {
    rowDims: rows.dims,
    rowStrides: rows.strides,
    dims: columns.dims,
    strides: columns.strides,
    offset: view.offset,
  };
}

/** The widest load that these rows allow. */
export function loadMode({ rowDims, rowStrides, dims, strides, offset }: StridedRows): LoadMode {
  const fits = (list: readonly number[]): boolean => list.every((value) => value % 4 === 0);
  const innermost = (sizes: readonly number[], steps: readonly number[]): boolean =>
    steps[steps.length - 1] === 1 && sizes[sizes.length - 1]! % 4 === 0 && fits(steps.slice(0, -1));
  if (offset % 4 !== 0) return 'single';
  if (innermost(dims, strides) && fits(rowStrides)) return 'inner';
  if (innermost(rowDims, rowStrides) && fits(strides)) return 'outer';
  return 'single';
}

/** A kernel's view of its rows: how many loads a row takes, how many threads the rows need. */
export interface RowAccess {
  readonly mode: LoadMode;
  /** Rows, or groups of four rows. */
  readonly rows: number;
  /** Loads a row. */
  readonly width: number;
  /** Part of the kernel's key. */
  readonly key: string;
  readonly params: readonly KernelParam[];
  readonly values: readonly number[];
  /** WGSL element type of the binding. */
  readonly element: string;
  /** WGSL \`row_base(row) -> u32\` and \`column_at(j) -> u32\`, in loads. */
  readonly functions: string;
  /** WGSL expression of the value or vec4 of values at a load. */
  readonly load: (name: string, index: string) => string;
}

/** Addresses and loads of rows. */
export function rowAccess(rows: StridedRows, dtype: DType, mode: LoadMode = loadMode(rows)): RowAccess {
  const inner = mode === 'inner';
  const outer = mode === 'outer';
  const quarters = (list: readonly number[], steps: boolean, isInnermost: boolean): number[] =>
    list.map((value, i) => {
      const last = i === list.length - 1;
      if (mode === 'single') return value;
      if (steps) return isInnermost && last ? 1 : value / 4;
      return isInnermost && last ? value / 4 : value;
    });
  const rowDims = quarters(rows.rowDims, false, outer);
  const rowStrides = quarters(rows.rowStrides, true, outer);
  const dims = quarters(rows.dims, false, inner);
  const strides = quarters(rows.strides, true, inner);
  const names = [
    'offset',
    ...rowDims.slice(1).map((_, i) => `row_dim${i + 1}`),
    ...rowStrides.map((_, i) => `row_stride${i}`),
    ...dims.slice(1).map((_, i) => `dim${i + 1}`),
    ...strides.map((_, i) => `stride${i}`),
  ];
  return {
    mode,
    rows: sizeOf(rowDims),
    width: sizeOf(dims),
    key: `${dtype}/${mode}/${rowDims.length}x${dims.length}`,
    params: names.map((name) => ({ name, type: 'u32' })),
    values: [
      mode === 'single' ? rows.offset : rows.offset / 4,
      ...rowDims.slice(1),
      ...rowStrides,
      ...dims.slice(1),
      ...strides,
    ],
    element: elementType(dtype, mode),
    functions: `
fn row_base(row: u32) -> u32 {
  ${addressOf('row', 'row_', rowDims.length)}
  return params.offset + address;
}
fn column_at(j: u32) -> u32 {
  ${addressOf('j', '', dims.length)}
  return address;
}
`,
    load: (name, index) => loadOf(name, dtype, mode, index),
  };
}

/** WGSL that splits a linear index by the dimensions and sums the strides into `address`. */
function addressOf(index: string, prefix: string, rank: number): string {
  if (rank === 1) return `let address = ${index} * params.${prefix}stride0;`;
  const lines = [`var rest = ${index};`, 'var address = 0u;'];
  for (let axis = rank - 1; axis > 0; axis--) {
    lines.push(
      `address += (rest % params.${prefix}dim${axis}) * params.${prefix}stride${axis}; rest = rest / params.${prefix}dim${axis};`,
    );
  }
  lines.push(`address += rest * params.${prefix}stride0;`);
  return lines.join('\n  ');
}

function elementType(dtype: DType, mode: LoadMode): string {
  if (mode === 'single') return storageType(dtype);
  return isPacked(dtype) ? 'vec2<u32>' : `vec4<${storageType(dtype)}>`;
}

function loadOf(name: string, dtype: DType, mode: LoadMode, index: string): string {
  if (mode === 'single') return dtype === 'bool' ? `${name}[${index}]` : loadElement(name, dtype, index);
  if (dtype !== 'f16' && dtype !== 'bf16') return `${name}[${index}]`;
  const words = (half: string): string =>
    loadPair(name, dtype, index).replaceAll(`${name}[${index}]`, `${name}[${index}].${half}`);
  return `vec4f(${words('x')}, ${words('y')})`;
}
