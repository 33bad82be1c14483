import type { Storage } from '../gpu/buffer-pool.ts';
import type { BufferBinding } from '../gpu/command-list.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import type { ElementwiseOperand } from '../kernels/elementwise.wgsl.ts';
import { contiguousStrides, type Shape, sizeOf } from '../shape.ts';
import { reorderOperands } from './compose-expressions.ts';
import {
  appliedExpression,
  isOverwrittenBetween,
  isPlainOperand,
  isPointwise,
  type PointwiseLaunch,
} from './fuse-pointwise.ts';
import type { MatmulInfo } from './fusion-info.ts';
import { usesByStorage } from './launch-access.ts';

interface MatmulLaunch extends RecordedLaunch {
  readonly info: MatmulInfo;
}

/** WebGPU's guaranteed alignment of storage bindings, in bytes. */
const ALIGNMENT = 256;

/**
 * Puts a pointwise launch that reads the result of a matmul into that matmul. Where others read the result
 * too, later, the matmul stores both.
 */
export function fuseMatmul(
  launches: readonly RecordedLaunch[],
  isTemporary: (storage: Storage) => boolean,
  maxBuffers: number,
): RecordedLaunch[] {
  const list: (RecordedLaunch | undefined)[] = [...launches];
  const uses = usesByStorage(launches);
  for (let i = 0; i < list.length; i++) {
    const consumer = list[i];
    if (consumer === undefined || !isPointwise(consumer)) continue;
    for (const { storage } of consumer.bindings.slice(0, -1)) {
      const use = uses.get(storage)!;
      const at = use.writers[0];
      const producer = at === undefined ? undefined : list[at];
      if (producer?.info?.kind !== 'matmul' || at! >= i || use.writers.length !== 1) continue;
      // Who reads the result before the consumer would find nothing there: the matmul moves down to it.
      const isMovable = use.readers[0] === i && !isOverwrittenBetween(list, producer.bindings, at!, i);
      if (!isMovable) continue;
      const keepsSum = use.readers.length > 1 || !isTemporary(storage);
      const fused = fusePair(producer as MatmulLaunch, consumer, storage, keepsSum, maxBuffers);
      if (fused === undefined) continue;
      list[i] = fused;
      list[at!] = undefined;
      break;
    }
  }
  return list.filter((launch) => launch !== undefined);
}

/** An operand of the pointwise launch as the matmul's epilogue can read it. */
interface Extra {
  readonly layout: 'matrix' | 'row';
  readonly binding: BufferBinding;
}

function toExtra(operand: ElementwiseOperand, binding: BufferBinding, out: Shape, columns: number): Extra | undefined {
  const offset = binding.offset + operand.offset * 4;
  if (operand.dtype !== 'f32' || offset % ALIGNMENT !== 0) return undefined;
  const slice = (elements: number): BufferBinding => ({
    storage: binding.storage,
    offset,
    size: Math.min(Math.ceil(elements / 4) * 16, binding.storage.bytes - offset),
  });
  const plain = contiguousStrides(out);
  const follows = (from: number): boolean =>
    operand.strides.every((stride, axis) => axis < from || stride === plain[axis] || out[axis] === 1);
  if (follows(0)) return { layout: 'matrix', binding: slice(sizeOf(out)) };
  const last = out.length - 1;
  const isRow =
    out[last] === columns && operand.strides.every((stride, axis) => axis === last || stride === 0 || out[axis] === 1);
  return isRow && follows(last) ? { layout: 'row', binding: slice(columns) } : undefined;
}

function fusePair(
  producer: MatmulLaunch,
  consumer: PointwiseLaunch,
  storage: Storage,
  keepsSum: boolean,
  maxBuffers: number,
): RecordedLaunch | undefined {
  const { rows, columns } = producer.info;
  const { out, operands, scalars } = consumer.info;
  if (out.dtype !== 'f32' || sizeOf(out.shape) !== rows * columns) return undefined;
  const extras: Extra[] = [];
  const order: number[] = [];
  for (const [i, operand] of operands.entries()) {
    const binding = consumer.bindings[i]!;
    if (binding.storage === storage) {
      if (operand.dtype !== 'f32' || !isPlainOperand(operand, out.shape)) return undefined;
      order.push(0);
      continue;
    }
    const extra = toExtra(operand, binding, out.shape, columns);
    if (extra === undefined) return undefined;
    order.push(extras.push(extra));
  }
  const sum = producer.bindings.at(-1)!;
  const bindings = [
    ...producer.bindings.slice(0, -1),
    ...extras.map(({ binding }) => binding),
    ...(keepsSum ? [sum] : []),
    consumer.bindings.at(-1)!,
  ];
  if (bindings.length > maxBuffers) return undefined;
  const plan = producer.info.replan({
    expression: reorderOperands(appliedExpression(consumer), order),
    operands: extras.map(({ layout }) => layout),
    scalars,
    keepsSum,
  });
  const { flops } = producer.info;
  return { ...plan, bindings, info: { kind: 'opaque', ...(flops === undefined ? {} : { flops }) } };
}
