import type { KernelBinding, KernelParam } from '../gpu/kernel.ts';
import type { ScalarLike } from '../scalar.ts';
import { atWidth, functionsAt } from './elementwise-expression.ts';
import type { MatmulEpilogue, MatmulFusion } from './matmul-spec.ts';

/*
 * What every kernel of the matmul family does with a sum on its way to C: scale, the built-in epilogue,
 * then the fused expression. The name of a fusion stands for its text, as for elementwise kernels.
 */

interface StoreSpec {
  readonly epilogue: MatmulEpilogue;
  readonly fused?: MatmulFusion | undefined;
  /** Width of the stores. */
  readonly vector: 1 | 4;
}

/** The bindings after the operands: bias or residual, what the fused expression reads, the kept sum, C. */
export function storeBindings({ epilogue, fused, vector }: StoreSpec): KernelBinding[] {
  const element = vector === 4 ? 'vec4<f32>' : 'f32';
  const read = (name: string): KernelBinding => ({ name, access: 'read', element });
  const write = (name: string): KernelBinding => ({ name, access: 'read_write', element });
  return [
    ...(epilogue === 'bias' || epilogue === 'residual' ? [read(epilogue)] : []),
    ...(fused?.operands ?? []).map((kind, i): KernelBinding => {
      const name = `fused${i + 1}`;
      if (kind === 'matrix' || kind === 'row') return read(name);
      return { name, access: 'read', element: kind === 'ids' ? 'u32' : 'f32' };
    }),
    ...(fused?.keepsSum === true ? [write('kept')] : []),
    write('c'),
  ];
}

/** The scalars of the fused expression; prefixed, so that they cannot meet a parameter of the matmul. */
export function fusionParams(fused: MatmulFusion | undefined): KernelParam[] {
  const scalars = (fused?.expression.scalars ?? []).map((name) => ({ name: `fused_${name}`, type: 'f32' as const }));
  return readsColumn(fused) ? [...scalars, { name: 'firstColumn', type: 'u32' }] : scalars;
}

/** The values of `fusionParams`. */
export function fusionValues(fused: MatmulFusion | undefined): ScalarLike[] {
  return [...(fused?.scalars ?? []), ...(readsColumn(fused) ? [fused?.firstColumn ?? 0] : [])];
}

function readsColumn(fused: MatmulFusion | undefined): boolean {
  return fused !== undefined && /\bCOLUMN\b/.test(fused.expression.expr);
}

/** What sets a kernel with this fusion apart from the same kernel without. */
export function fusionKey(fused: MatmulFusion | undefined): string {
  if (fused === undefined) return '';
  const operands = fused.operands.map((kind) => kind[0]).join('');
  return `/${fused.expression.name}(${operands})${fused.keepsSum === true ? '+kept' : ''}`;
}

/** What is added to alpha times the sum, at element `at` of C in column `column`. */
const ADDEND: Readonly<Record<MatmulEpilogue, (at: string, column: string) => string | undefined>> = {
  none: () => undefined,
  bias: (_, column) => `bias[${column}]`,
  residual: (at) => `residual[${at}]`,
  accumulate: (at) => `c[${at}]`,
};

function operandValue(kind: MatmulFusion['operands'][number], name: string, vector: 1 | 4): string {
  if (kind === 'matrix') return `${name}[at]`;
  if (kind === 'row') return `${name}[place]`;
  return vector === 4 ? `vec4<${kind === 'ids' ? 'u32' : 'f32'}>(${name}[row])` : `${name}[row]`;
}

function columnValue(vector: 1 | 4): string {
  return vector === 4 ? 'params.firstColumn + place * 4u + vec4<u32>(0u, 1u, 2u, 3u)' : 'params.firstColumn + place';
}

/**
 * `store(batch, row, column, sum)` finishes four values of C next to each other; past the edge it does
 * nothing. Reads the parameters m, n, ldc, strideC and alpha.
 */
export function storeFunction({ epilogue, fused, vector }: StoreSpec): string {
  const type = vector === 4 ? 'vec4f' : 'f32';
  const own = (text: string): string => text.replaceAll(/\bparams\./g, 'params.fused_');
  const addend = ADDEND[epilogue]('at', 'place');
  const alpha = vector === 4 ? 'vec4f(params.alpha)' : 'params.alpha';
  const value = addend === undefined ? `${alpha} * sum` : `fma(${alpha}, sum, ${addend})`;
  const lines =
    fused === undefined
      ? [`c[at] = ${value};`]
      : [
          `let x0 = ${value};`,
          ...fused.operands.map((kind, i) => `let x${i + 1} = ${operandValue(kind, `fused${i + 1}`, vector)};`),
          ...(readsColumn(fused) ? [`let at_column = ${columnValue(vector)};`] : []),
          ...(fused.keepsSum === true ? ['kept[at] = x0;'] : []),
          `c[at] = ${own(atWidth(fused.expression.expr.replaceAll(/\bCOLUMN\b/g, 'at_column'), vector))};`,
        ];
  const calls =
    vector === 4
      ? ['finish(start / 4u, column / 4u, row, sum);']
      : [0, 1, 2, 3].map((x) => {
          const call = `finish(start + ${x}u, column + ${x}u, row, sum[${x}]);`;
          return x === 0 ? call : `if (column + ${x}u < params.n) { ${call} }`;
        });
  return `${own(functionsAt(fused?.expression.functions ?? '', vector))}
fn finish(at: u32, place: u32, row: u32, sum: ${type}) {
  ${lines.join('\n  ')}
}

fn store(batch: u32, row: u32, column: u32, sum: vec4f) {
  if (row >= params.m || column >= params.n) { return; }
  let start = batch * params.strideC + row * params.ldc + column;
  ${calls.join('\n  ')}
}
`;
}
