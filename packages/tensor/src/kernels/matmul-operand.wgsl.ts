import type { MatmulSpec, WeightFormat } from './matmul-spec.ts';

export const COMPONENTS = 'xyzw';

/** 0, 1, ... count - 1. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/**
 * One input matrix as the kernel text sees it: an array indexed by an "index" (a row of op(A) or a column
 * of op(B)) and by k. Either of the two is contiguous in memory, and loads move 1 or 4 elements along it.
 * All four combinations of transposes and both widths are this one description, so the tile code never
 * asks how an operand is stored.
 */
export interface MatmulOperand {
  /** The binding, and the prefix of the generated names. */
  readonly name: 'a' | 'b';
  readonly contiguous: 'k' | 'index';
  readonly vector: 1 | 4;
  /** Default f32. */
  readonly format?: WeightFormat;
}

export function matmulOperands({
  transA,
  transB,
  vectors,
  input,
  weight,
}: MatmulSpec): [a: MatmulOperand, b: MatmulOperand] {
  return [
    { name: 'a', contiguous: transA ? 'index' : 'k', vector: vectors.a, format: input },
    { name: 'b', contiguous: transB ? 'k' : 'index', vector: vectors.b, format: weight },
  ];
}

/** Declares the operand's row stride and the start of this batch's matrix, in units of a load. */
export function declareOperand({ name, vector }: MatmulOperand): string {
  const letter = name.toUpperCase();
  return `
  let ld_${name} = params.ld${name} / ${vector}u;
  let base_${name} = batch * (params.stride${letter} / ${vector}u);`;
}

/**
 * Declares where the walk along k begins for each of `indices` (WGSL expressions; runs of 4 are
 * consecutive). An index past the edge is moved back to the last one: its loads are in bounds and its
 * results are not stored, so the inner loop needs no guards, at the edges or anywhere else.
 */
export function declareStarts(operand: MatmulOperand, indices: readonly string[]): string {
  const { name, contiguous, vector } = operand;
  const extent = name === 'a' ? 'params.m' : 'params.n';
  const start = (at: number, place: string) => `\n  let ${name}_at${at} = base_${name} + ${place};`;
  if (contiguous === 'k') return indices.map((i, at) => start(at, `min(${i}, ${extent} - 1u) * ld_${name}`)).join('');
  return indices
    .filter((_, at) => at % vector === 0)
    .map((i, at) => start(at, vector === 4 ? `min((${i}) / 4u, ${extent} / 4u - 1u)` : `min(${i}, ${extent} - 1u)`))
    .join('');
}

/** Declares the values of `count` indices at k, k + 1, ... k + steps - 1, with steps 4 or 1. */
export function declareValues(
  { name, contiguous, vector, format = 'f32' }: MatmulOperand,
  count: number,
  steps: number,
): string {
  const load = (place: string) => (format === 'f32' ? `${name}[${place}]` : `load_${name}(${place})`);
  const declare = (at: number, suffix: string, offset: string) =>
    `\n    let ${name}${at}${suffix} = ${load(`${name}_at${at} + ${offset}`)};`;
  if (contiguous === 'k' && vector === 4)
    return range(count)
      .map((at) => declare(at, '', 'k / 4u'))
      .join('');
  return range(steps)
    .flatMap((u) =>
      range(count / (contiguous === 'index' ? vector : 1)).map((at) =>
        declare(at, `_${u}`, contiguous === 'index' ? `(k + ${u}u) * ld_${name}` : `k + ${u}u`),
      ),
    )
    .join('');
}

/** The names that `declareValues` gives. */
export function declaredNames({ name, contiguous, vector }: MatmulOperand, count: number, steps: number): string[] {
  if (contiguous === 'k' && vector === 4) return range(count).map((at) => `${name}${at}`);
  return range(steps).flatMap((u) =>
    range(count / (contiguous === 'index' ? vector : 1)).map((at) => `${name}${at}_${u}`),
  );
}

/** The value of index i at k + u, as declared by `declareValues`. */
export function valueAt({ name, contiguous, vector }: MatmulOperand, i: number, u: number): string {
  if (vector === 1) return `${name}${i}_${u}`;
  return contiguous === 'k' ? `${name}${i}.${COMPONENTS[u]}` : `${name}${Math.floor(i / 4)}_${u}.${COMPONENTS[i % 4]}`;
}

/** The values of indices 4q ... 4q + 3 at k + u as a vec4: a transpose in registers where k is contiguous. */
export function vectorAt(operand: MatmulOperand, q: number, u: number): string {
  if (operand.contiguous === 'index' && operand.vector === 4) return `${operand.name}${q}_${u}`;
  return `vec4f(${range(4)
    .map((x) => valueAt(operand, 4 * q + x, u))
    .join(', ')})`;
}
