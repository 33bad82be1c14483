import type { DType } from '../dtype.ts';
import type { Storage } from '../gpu/buffer-pool.ts';
import type { BufferBinding } from '../gpu/command-list.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import { type ElementwiseOperand, planElementwise } from '../kernels/elementwise.wgsl.ts';
import { expressionTypes } from '../kernels/elementwise-expression.ts';
import { isPacked } from '../kernels/lib/element.wgsl.ts';
import { contiguousStrides, type Shape, sameShape, sizeOf } from '../shape.ts';
import { type AppliedExpression, composeExpressions } from './compose-expressions.ts';
import type { PointwiseInfo } from './fusion-info.ts';
import { anyOverlap, usesByStorage, writesOf } from './launch-access.ts';

/** A pointwise launch with its info at hand. */
export interface PointwiseLaunch extends RecordedLaunch {
  readonly info: PointwiseInfo;
}

/** True for a pointwise launch that can be fused: one with scalars must compute in f32. */
export function isPointwise(launch: RecordedLaunch): launch is PointwiseLaunch {
  const { info } = launch;
  if (info?.kind !== 'pointwise') return false;
  return info.scalars.length === 0 || expressionTypes(info.expression, dtypesOf(info)).compute === 'f32';
}

function dtypesOf({ operands }: PointwiseInfo): DType[] {
  return operands.map(({ dtype }) => dtype);
}

/** The expression of a pointwise launch with its types. */
export function appliedExpression({ info }: PointwiseLaunch): AppliedExpression {
  return { expression: info.expression, dtypes: dtypesOf(info), out: info.out.dtype };
}

/** The strides of a view of `from` as one of `to`, for shapes of one size; undefined where there are none. */
function restride(strides: readonly number[], from: Shape, to: Shape): readonly number[] | undefined {
  if (sameShape(from, to)) return strides;
  if (strides.every((stride, axis) => stride === 0 || from[axis] === 1)) return to.map(() => 0);
  const plain = contiguousStrides(from);
  if (strides.every((stride, axis) => stride === plain[axis] || from[axis] === 1)) return contiguousStrides(to);
  return undefined;
}

/** True if a launch reads the operand element by element in the order of its output. */
export function isPlainOperand(operand: ElementwiseOperand, out: Shape): boolean {
  const plain = contiguousStrides(out);
  return operand.offset === 0 && operand.strides.every((stride, axis) => stride === plain[axis] || out[axis] === 1);
}

/**
 * Puts pointwise launches into the one pointwise launch that reads them, so that the value between is never
 * stored. `isTemporary` tells the buffers that nobody outside of the step sees; `maxBuffers` is the adapter's
 * limit of storage buffers in a kernel.
 */
export function fusePointwise(
  launches: readonly RecordedLaunch[],
  isTemporary: (storage: Storage) => boolean,
  maxBuffers: number,
): RecordedLaunch[] {
  const list: (RecordedLaunch | undefined)[] = [...launches];
  const uses = usesByStorage(launches);
  for (let i = 0; i < list.length; i++) {
    let consumer = list[i]!;
    for (let k = 0; isPointwise(consumer) && k < consumer.info.operands.length; ) {
      const binding = consumer.bindings[k]!;
      const use = uses.get(binding.storage);
      const at = use?.writers[0];
      const producer = at === undefined ? undefined : list[at];
      const fused =
        producer !== undefined &&
        at! < i &&
        isTemporary(binding.storage) &&
        use!.writers.length === 1 &&
        use!.readers.length === 1 &&
        isPointwise(producer) &&
        !isOverwrittenBetween(list, producer.bindings, at!, i)
          ? fusePair(consumer, producer, binding.storage, maxBuffers)
          : undefined;
      if (fused === undefined) {
        k++;
        continue;
      }
      consumer = fused;
      list[i] = fused;
      list[at!] = undefined;
      // What the producer read is read at i now.
      for (const { storage } of fused.bindings) {
        const readers = uses.get(storage)?.readers;
        if (readers?.includes(at!)) readers.splice(readers.indexOf(at!), 1, ...(readers.includes(i) ? [] : [i]));
      }
    }
  }
  return list.filter((launch) => launch !== undefined);
}

/** True if a launch between `first` and `last` (both left out) writes into one of the ranges. */
export function isOverwrittenBetween(
  list: readonly (RecordedLaunch | undefined)[],
  ranges: readonly BufferBinding[],
  first: number,
  last: number,
): boolean {
  for (let i = first + 1; i < last; i++) {
    const launch = list[i];
    if (launch !== undefined && anyOverlap(ranges, writesOf(launch))) return true;
  }
  return false;
}

interface BoundOperand {
  readonly binding: BufferBinding;
  readonly operand: ElementwiseOperand;
}

function sameOperand(a: BoundOperand, b: BoundOperand): boolean {
  return (
    a.binding.storage === b.binding.storage &&
    a.binding.offset === b.binding.offset &&
    a.operand.dtype === b.operand.dtype &&
    a.operand.offset === b.operand.offset &&
    a.operand.strides.every((stride, axis) => stride === b.operand.strides[axis])
  );
}

/** `consumer` with `producer` in the place of every operand that reads `storage`; undefined where that cannot be. */
function fusePair(
  consumer: PointwiseLaunch,
  producer: PointwiseLaunch,
  storage: Storage,
  maxBuffers: number,
): RecordedLaunch | undefined {
  const { out } = consumer.info;
  // A value that is rounded to 16 bits on its way is another value.
  if (isPacked(producer.info.out.dtype) || sizeOf(producer.info.out.shape) !== sizeOf(out.shape)) return undefined;
  const operands: BoundOperand[] = [];
  const add = (bound: BoundOperand): number => {
    const known = operands.findIndex((other) => sameOperand(other, bound));
    return known >= 0 ? known : operands.push(bound) - 1;
  };
  const consumerOperands: (number | undefined)[] = [];
  for (const [i, operand] of consumer.info.operands.entries()) {
    const binding = consumer.bindings[i]!;
    if (binding.storage !== storage) consumerOperands.push(add({ binding, operand }));
    else if (isPlainOperand(operand, out.shape)) consumerOperands.push(undefined);
    else return undefined;
  }
  const producerOperands: number[] = [];
  for (const [i, operand] of producer.info.operands.entries()) {
    const strides = restride(operand.strides, producer.info.out.shape, out.shape);
    if (strides === undefined) return undefined;
    producerOperands.push(add({ binding: producer.bindings[i]!, operand: { ...operand, strides } }));
  }
  if (operands.length + 1 > maxBuffers) return undefined;
  const expression = composeExpressions(
    appliedExpression(consumer),
    appliedExpression(producer),
    consumerOperands,
    producerOperands,
    operands.map(({ operand }) => operand.dtype),
  );
  const scalars = [...consumer.info.scalars, ...producer.info.scalars];
  const plan = planElementwise(
    expression,
    operands.map(({ operand }) => operand),
    out,
    scalars,
  );
  return {
    ...plan,
    bindings: [...operands.map(({ binding }) => binding), consumer.bindings.at(-1)!],
    info: { kind: 'pointwise', expression, operands: operands.map(({ operand }) => operand), out, scalars },
  };
}
