import { ToolError } from '../errors.ts';
import { planConcat } from '../kernels/concat.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape, normalizeAxis } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { launchMove } from './launch-move.ts';
import { normalArray } from './reference.ts';
import { unsqueeze } from './view.ts';

export const concatOp: OpDef<{ readonly axis: number }> = {
  name: 'concat',
  anyDtype: true,
  tolerance: 'exact',
  doc: 'tensors one after another along an axis',
  infer: (parts, { axis }) => {
    const first = parts[0];
    const fits =
      first?.shape[axis] !== undefined &&
      parts.every(
        ({ shape, dtype }) =>
          dtype === first.dtype &&
          shape.length === first.shape.length &&
          shape.every((dim, i) => i === axis || dim === first.shape[i]),
      );
    if (!fits) {
      throw new ToolError('shape', {
        op: 'concat',
        expected: `one tensor or more of one dtype, with the same sizes except along axis ${axis}`,
        got: parts.map(({ shape, dtype }) => `${dtype} ${formatShape(shape)}`).join(' and ') || 'none',
      });
    }
    const total = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    return [{ shape: first.shape.map((dim, i) => (i === axis ? total : dim)), dtype: first.dtype }];
  },
  run: (parts, [out], { axis }) => {
    const filled = parts.filter(({ size }) => size > 0);
    if (filled.length === 0) return [launchMove(() => planConcat(out!.dtype, parts, axis), parts, out!, LABEL)];
    return [joined(filled, axis)];
  },
  reference: (parts, { axis }) => {
    const starts: number[] = [];
    let total = 0;
    for (const { shape } of parts) {
      starts.push(total);
      total += shape[axis]!;
    }
    const shape = parts[0]!.shape.map((dim, i) => (i === axis ? total : dim));
    return [
      fromIndex(shape, parts[0]!.dtype, (index) => {
        const at = index[axis]!;
        const part = parts.findIndex((x, p) => at >= starts[p]! && at < starts[p]! + x.shape[axis]!);
        return elementAt(
          parts[part]!,
          index.map((i, d) => (d === axis ? i - starts[part]! : i)),
        );
      }),
    ];
  },
  samples: () => [
    { name: 'rows', inputs: [normalArray(161, [3, 4]), normalArray(162, [2, 4])], attrs: { axis: 0 } },
    {
      name: 'columns of three',
      inputs: [normalArray(163, [2, 3]), normalArray(164, [2, 1]), normalArray(165, [2, 4])],
      attrs: { axis: 1 },
    },
    {
      name: 'in the middle, one empty',
      inputs: [normalArray(166, [2, 3, 4]), normalArray(167, [2, 0, 4]), normalArray(168, [2, 1, 4])],
      attrs: { axis: 1 },
    },
    {
      name: 'more than one launch takes',
      inputs: Array.from({ length: 19 }, (_, i) => normalArray(170 + i, [2, 1 + (i % 3)])),
      attrs: { axis: 1 },
    },
    { name: 'one', inputs: [normalArray(169, [5])], attrs: { axis: 0 } },
  ],
  errors: () => [
    {
      name: 'other sizes differ',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [2, 4], dtype: 'f32' },
      ],
      attrs: { axis: 0 },
      code: 'shape',
    },
    {
      name: 'dtypes differ',
      inputs: [
        { shape: [2], dtype: 'f32' },
        { shape: [2], dtype: 'i32' },
      ],
      attrs: { axis: 0 },
      code: 'shape',
    },
    { name: 'no tensors', inputs: [], attrs: { axis: 0 }, code: 'shape' },
  ],
  fuzz: (draw) => {
    const shape = draw.shape(draw.between(1, 4), 200);
    const axis = draw.below(shape.length);
    const inputs = Array.from({ length: draw.between(1, 9) }, () =>
      draw.normals(shape.map((dim, i) => (i === axis ? draw.of([0, 1, 2, 4, 8]) : dim))),
    );
    return { name: `${inputs.length} parts`, inputs, attrs: { axis } };
  },
};

const LABEL = 'tensor/concat';

/** Joins parts that are not empty: as many a launch as the adapter binds buffers, and their results likewise. */
function joined(parts: readonly Tensor[], axis: number): Tensor {
  const { device, dtype } = parts[0]!;
  const most = Math.min(8, device.limits.maxStorageBuffersPerShaderStage) - 1;
  const launch = (group: readonly Tensor[]): Tensor => {
    const [out] = concatOp.infer(group, { axis });
    return launchMove(() => planConcat(dtype, group, axis), group, out!, LABEL);
  };
  if (parts.length <= most) return launch(parts);
  const groups: Tensor[] = [];
  for (let first = 0; first < parts.length; first += most) groups.push(launch(parts.slice(first, first + most)));
  const result = joined(groups, axis);
  for (const group of groups) group.dispose();
  return result;
}

/** Tensors one after another along an axis: one dtype, and the same sizes along all other axes. */
export function concat(parts: readonly Tensor[], axis = 0): Tensor {
  return applyOp(concatOp, parts, { axis: parts[0] ? normalizeAxis('concat', axis, parts[0].rank) : axis })[0]!;
}

/** Tensors of one shape along a new axis, which stands at `axis` of the result. */
export function stack(parts: readonly Tensor[], axis = 0): Tensor {
  return concat(
    parts.map((part) => unsqueeze(part, axis)),
    parts[0] ? normalizeAxis('stack', axis, parts[0].rank + 1) : axis,
  );
}
