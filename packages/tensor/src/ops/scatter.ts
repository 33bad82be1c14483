import type { DType } from '../dtype.ts';
import type { ScatterMode } from '../kernels/scatter.wgsl.ts';
import { applyOp, type OpDef, type OpErrorSample, type OpSample, type RefArray, type TensorSpec } from '../op.ts';
import { contiguousStrides, normalizeAxis, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Draw } from '../testing/draw.ts';
import { checkIndices } from './check-indices.ts';
import { resolvedIndex, signedIndices } from './gather.ts';
import { type Indices, indexTensor, isIndexType, refuseIndexed } from './index-input.ts';
import { launchScatter, launchSliceScatter } from './launch-scatter.ts';
import { indexArray, normalArray } from './reference.ts';
import { expand } from './view.ts';

/** The axis that indices count along. */
export interface ScatterAttrs {
  readonly axis: number;
}

const ADDABLE: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32'];

/** The target with every source, in order, combined with the element that `rowOf` names for its index. */
function scattered(
  [target, index, source]: readonly RefArray[],
  axis: number,
  mode: ScatterMode,
  isWhole: boolean,
): RefArray[] {
  const { shape } = target!;
  const data = Float64Array.from(target!.data);
  const strides = contiguousStrides(shape);
  const sourceStrides = contiguousStrides(source!.shape);
  source!.data.forEach((value, i) => {
    const at = source!.shape.map((dim, d) => Math.floor(i / sourceStrides[d]!) % dim);
    const row = resolvedIndex(index!.data[isWhole ? at[axis]! : i]!, shape[axis]!);
    if (row === undefined) return;
    const to = at.reduce((sum, c, d) => sum + (d === axis ? row : c) * strides[d]!, 0);
    data[to] = mode === 'add' ? data[to]! + value : value;
  });
  return [{ ...target!, data }];
}

interface ScatterOpSpec {
  readonly name: string;
  readonly doc: string;
  readonly mode: ScatterMode;
  /** True if the index [N] names whole slices. */
  readonly isWhole: boolean;
  readonly samples: () => OpSample<ScatterAttrs>[];
  readonly fuzz: (draw: Draw) => OpSample<ScatterAttrs>;
}

function scatterOpOf({ name, doc, mode, isWhole, samples, fuzz }: ScatterOpSpec): OpDef<ScatterAttrs> {
  const fits = ([target, index, source]: readonly TensorSpec[], axis: number): boolean =>
    isIndexType(index!.dtype) &&
    source!.dtype === target!.dtype &&
    target!.shape[axis] !== undefined &&
    source!.shape.length === target!.shape.length &&
    source!.shape.every((dim, i) => i === axis || dim === target!.shape[i]) &&
    sameShape(index!.shape, isWhole ? [source!.shape[axis]!] : source!.shape);
  const errors: OpErrorSample<ScatterAttrs>[] = [
    {
      name: 'an index that does not fit the source',
      inputs: [
        { shape: [4, 3], dtype: 'f32' },
        { shape: isWhole ? [5] : [2, 2], dtype: 'u32' },
        { shape: [2, 3], dtype: 'f32' },
      ],
      attrs: { axis: 0 },
      code: 'shape',
    },
    {
      name: 'an index of floats',
      inputs: [
        { shape: [4, 3], dtype: 'f32' },
        { shape: isWhole ? [2] : [2, 3], dtype: 'f32' },
        { shape: [2, 3], dtype: 'f32' },
      ],
      attrs: { axis: 0 },
      code: 'shape',
    },
  ];
  return {
    name,
    doc,
    integerInputs: [1],
    ...(mode === 'add' ? { dtypes: ADDABLE } : { anyDtype: true }),
    tolerance: mode === 'add' ? 'reduction' : 'exact',
    infer: (inputs, { axis }) => {
      if (!fits(inputs, axis)) {
        const index = isWhole ? 'indices i32 or u32 [N]' : "an index i32 or u32 of the source's shape";
        refuseIndexed(
          name,
          `a target, ${index} and a source of the target's dtype and sizes except along axis ${axis}`,
          inputs,
        );
      }
      return [{ shape: inputs[0]!.shape, dtype: inputs[0]!.dtype }];
    },
    run: ([target, index, source], [out], { axis }) => {
      checkIndices(name, index!, target!.shape[axis]!);
      const launch = isWhole ? launchSliceScatter : launchScatter;
      return [launch(mode, target!, index!, source!, out!, axis)];
    },
    reference: (inputs, { axis }) => scattered(inputs, axis, mode, isWhole),
    samples,
    errors: () => errors,
    fuzz,
  };
}

function elementSamples(seed: number): OpSample<ScatterAttrs>[] {
  const sample = (
    name: string,
    target: readonly number[],
    source: readonly number[],
    axis: number,
    signed = false,
  ): OpSample<ScatterAttrs> => ({
    name,
    inputs: [
      normalArray(seed, target),
      (signed ? signedIndices : indexArray)(seed + 1, source, target[axis]!),
      normalArray(seed + 2, source),
    ],
    attrs: { axis },
  });
  return [
    sample('into rows', [5, 4], [7, 4], 0),
    sample('into columns, from the end', [3, 6], [3, 2], 1, true),
    sample('in the middle', [2, 5, 3], [2, 4, 3], 1),
    sample('sorted', [150, 3], [200, 3], 0),
    sample('nothing', [3, 4], [3, 0], 1),
  ];
}

function sliceSamples(seed: number): OpSample<ScatterAttrs>[] {
  const sample = (
    name: string,
    target: readonly number[],
    count: number,
    axis: number,
    signed = false,
  ): OpSample<ScatterAttrs> => ({
    name,
    inputs: [
      normalArray(seed, target),
      (signed ? signedIndices : indexArray)(seed + 1, [count], target[axis]!),
      normalArray(
        seed + 2,
        target.map((dim, i) => (i === axis ? count : dim)),
      ),
    ],
    attrs: { axis },
  });
  return [
    sample('into rows', [5, 8], 7, 0),
    sample('into columns, from the end', [3, 6], 4, 1, true),
    sample('in the middle', [2, 5, 3], 4, 1),
    sample('sorted', [70, 20], 50, 0),
    sample('nothing', [3, 4], 0, 1),
  ];
}

const fuzzElements = (draw: Draw): OpSample<ScatterAttrs> => {
  const shape = draw.shape(draw.between(1, 3), 300, true);
  const axis = draw.below(shape.length);
  const source = shape.map((dim, i) => (i === axis ? draw.size(65) : dim));
  return {
    name: `[${source}] into [${shape}]`,
    inputs: [draw.normals(shape), draw.integers(source, 0, shape[axis]! - 1), draw.normals(source)],
    attrs: { axis },
  };
};

const fuzzSlices = (draw: Draw): OpSample<ScatterAttrs> => {
  const shape = draw.shape(draw.between(1, 3), 1000, true);
  const axis = draw.below(shape.length);
  const source = shape.map((dim, i) => (i === axis ? draw.size(129) : dim));
  return {
    name: `[${source}] into [${shape}]`,
    inputs: [draw.normals(shape), draw.integers([source[axis]!], 0, shape[axis]! - 1), draw.normals(source)],
    attrs: { axis },
  };
};

export const scatterAddOp = scatterOpOf({
  name: 'scatterAdd',
  doc: 'y = target with source[.., n, ..] added at index[.., n, ..] along an axis, in ascending n',
  mode: 'add',
  isWhole: false,
  samples: () => elementSamples(221),
  fuzz: fuzzElements,
});

export const scatterOp = scatterOpOf({
  name: 'scatter',
  doc: 'y = target with source[.., n, ..] at index[.., n, ..] along an axis; of several the last n stays',
  mode: 'set',
  isWhole: false,
  samples: () => elementSamples(231),
  fuzz: fuzzElements,
});

export const indexAddOp = scatterOpOf({
  name: 'indexAdd',
  doc: 'y = target with the slices source[.., n, ..] added at indices[n] along an axis, in ascending n',
  mode: 'add',
  isWhole: true,
  samples: () => sliceSamples(241),
  fuzz: fuzzSlices,
});

/** An index with its sizes of 1 stretched to those of the source; what does not fit is left for the op to refuse. */
function stretchedTo(source: Tensor, index: Tensor): Tensor {
  const fits = index.rank === source.rank && index.shape.every((dim, axis) => dim === source.shape[axis] || dim === 1);
  return fits && !sameShape(index.shape, source.shape) ? expand(index, source.shape) : index;
}

/**
 * The target with every element of the source added where its index says, along an axis: the transpose of `gather`.
 * Deterministic, without atomics: the sources of one element add up in the order in which they stand. A source whose
 * index names no element is left out; `setDebug({ checkIndices: true })` reports it. Small cases compare each element
 * with all indices of its lane, in one launch; larger ones sort the S indices first, in 2 + log2(S / 1024) launches.
 *
 * @param index i32 or u32 of the source's shape, or of size 1 where it is; negative i32 count from the end.
 * @param source of the target's sizes except along the axis.
 */
export function scatterAdd(target: Tensor, axis: number, index: Tensor, source: Tensor): Tensor {
  const attrs = { axis: normalizeAxis('scatterAdd', axis, target.rank) };
  return applyOp(scatterAddOp, [target, stretchedTo(source, index), source], attrs)[0]!;
}

/**
 * The target with every element of the source where its index says; where several are meant for one place the last
 * along the axis stays. Otherwise like `scatterAdd`.
 */
export function scatter(target: Tensor, axis: number, index: Tensor, source: Tensor): Tensor {
  const attrs = { axis: normalizeAxis('scatter', axis, target.rank) };
  return applyOp(scatterOp, [target, stretchedTo(source, index), source], attrs)[0]!;
}

/**
 * The target with whole slices of the source added at indices [N] along an axis: the transpose of `indexSelect`, as
 * deterministic as `scatterAdd`. Indices given as numbers are checked.
 */
export function indexAdd(target: Tensor, axis: number, indices: Indices, source: Tensor): Tensor {
  const resolved = normalizeAxis('indexAdd', axis, target.rank);
  const index = indexTensor('indexAdd', target.device, indices, target.shape[resolved]!);
  return applyOp(indexAddOp, [target, index, source], { axis: resolved })[0]!;
}
