import { ToolError } from '../errors.ts';
import { applyOp, type OpDef } from '../op.ts';
import { sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchMatmul, type MatmulAttrs, matmulDims } from './launch-matmul.ts';
import { quantizedMatmul } from './quantized-matmul.ts';
import type { QuantizedMatrix } from './quantized-matrix.ts';
import { forEachBroadcast, normalArray, refArray } from './reference.ts';

export const matmulOp: OpDef<MatmulAttrs> = {
  name: 'matmul',
  doc: 'y = a b over the last two dimensions, either operand transposed by index; leading dimensions broadcast; f32 from operands of any float type',
  dtypes: ['f32', 'f16', 'bf16'],
  infer: ([a, b], attrs) => {
    const { m, n, batch } = matmulDims(a!, b!, attrs);
    return [{ shape: [...batch, m, n], dtype: 'f32' }];
  },
  run: ([a, b], [out], attrs) => {
    const y = Tensor.empty(a!.device, out!.shape, 'f32', 'tensor/matmul');
    launchMatmul(y, a!, b!, attrs);
    return [y];
  },
  reference: ([a, b], attrs) => {
    const { m, n, k, batch } = matmulDims({ ...a!, dtype: 'f32' }, { ...b!, dtype: 'f32' }, attrs);
    const data = new Float64Array(sizeOf(batch) * m * n);
    const [ldA, ldB] = [a!.shape[a!.shape.length - 1]!, b!.shape[b!.shape.length - 1]!];
    forEachBroadcast(batch, [a!.shape.slice(0, -2), b!.shape.slice(0, -2)], (index, [i, j]) => {
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          let total = 0;
          for (let inner = 0; inner < k; inner++) {
            const x = a!.data[i! * m * k + (attrs.transA ? inner * ldA + row : row * ldA + inner)]!;
            const y = b!.data[j! * k * n + (attrs.transB ? column * ldB + inner : inner * ldB + column)]!;
            total += x * y;
          }
          data[(index * m + row) * n + column] = total;
        }
      }
    });
    return [refArray([...batch, m, n], data)];
  },
  samples: () => [
    {
      name: 'plain',
      inputs: [normalArray(111, [8, 12]), normalArray(112, [12, 16])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'odd',
      inputs: [normalArray(113, [7, 5]), normalArray(114, [5, 9])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'b transposed',
      inputs: [normalArray(115, [33, 20]), normalArray(116, [12, 20])],
      attrs: { transA: false, transB: true },
    },
    {
      name: 'a transposed',
      inputs: [normalArray(117, [70, 8]), normalArray(118, [70, 12])],
      attrs: { transA: true, transB: false },
    },
    {
      name: 'both transposed',
      inputs: [normalArray(119, [6, 10]), normalArray(120, [3, 6])],
      attrs: { transA: true, transB: true },
    },
    {
      name: 'batched',
      inputs: [normalArray(121, [3, 4, 5]), normalArray(122, [3, 5, 6])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'one matrix for a batch',
      inputs: [normalArray(123, [3, 4, 8]), normalArray(124, [8, 8])],
      attrs: { transA: false, transB: true },
    },
    {
      name: 'mixed broadcast',
      inputs: [normalArray(125, [2, 1, 3, 4]), normalArray(126, [3, 4, 5])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'one by one',
      inputs: [normalArray(127, [1, 1]), normalArray(128, [1, 1])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'nothing to sum',
      inputs: [normalArray(129, [3, 0]), normalArray(130, [0, 2])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'no rows',
      inputs: [normalArray(131, [0, 3]), normalArray(132, [3, 2])],
      attrs: { transA: false, transB: false },
    },
  ],
  errors: () => [
    {
      name: 'inner sizes differ',
      inputs: [
        { shape: [4, 128], dtype: 'f32' },
        { shape: [64, 32], dtype: 'f32' },
      ],
      attrs: { transA: false, transB: false },
      code: 'shape',
    },
    {
      name: 'a vector',
      inputs: [
        { shape: [4], dtype: 'f32' },
        { shape: [4, 2], dtype: 'f32' },
      ],
      attrs: { transA: false, transB: false },
      code: 'shape',
    },
  ],
};

/**
 * a b over the last two dimensions; `transA`/`transB` read an operand transposed without a copy. b may be a
 * quantised matrix, which takes no gradient; then a is [..., M, K] as it stands. Throws ToolError 'shape'.
 */
export function matmul(a: Tensor, b: Tensor | QuantizedMatrix, attrs: Partial<MatmulAttrs> = {}): Tensor {
  const { transA = false, transB = false, arithmetic } = attrs;
  if (b instanceof Tensor) return applyOp(matmulOp, [a, b], { transA, transB, arithmetic })[0]!;
  if (!transA) return quantizedMatmul(a, b, { transB });
  throw new ToolError('shape', {
    op: 'matmul',
    expected: 'a [..., M, K], not transposed, beside quantised weights',
    got: 'transA',
    hint: 'transpose a first.',
  });
}
