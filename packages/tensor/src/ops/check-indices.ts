import { debug } from '../debug.ts';
import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { planCheckIndices, SLOT_WORDS } from '../kernels/check-indices.wgsl.ts';
import { keep } from '../scope.ts';
import { formatShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { fill } from './in-place.ts';

/** One kind of check: calls that look alike share a slot of flags. */
interface Check {
  readonly op: string;
  readonly shape: Shape;
  readonly size: number;
  readonly isSigned: boolean;
}

/** Most kinds of checks of a device; later ones share the last slot. */
const SLOTS = 1024;

/** The flags of a device, from its first check to its end. */
class IndexChecks {
  readonly flags: Tensor;
  readonly checks: Check[] = [];
  readonly #slots = new Map<string, number>();

  constructor(device: Device) {
    const bits = new Uint32Array(SLOTS * SLOT_WORDS);
    this.flags = keep(Tensor.from(device, bits, [bits.length], 'u32', 'tensor/check-indices/flags'));
  }

  slot(check: Check): number {
    const key = JSON.stringify(check);
    const found = this.#slots.get(key);
    if (found !== undefined) return found;
    const slot = Math.min(this.checks.length, SLOTS - 1);
    this.checks[slot] = check;
    this.#slots.set(key, slot);
    return slot;
  }
}

const opened = new WeakMap<Device, IndexChecks>();

/**
 * With `debug.checkIndices`, records a check that every index names one of `size` elements; the next readback tells
 * the first that does not.
 */
export function checkIndices(op: string, index: Tensor, size: number): void {
  if (!debug.checkIndices || index.size === 0) return;
  const { device } = index;
  const checks = opened.get(device) ?? new IndexChecks(device);
  opened.set(device, checks);
  const isSigned = index.dtype === 'i32';
  const { shape, strides, offset } = index;
  const slot = checks.slot({ op, shape, size, isSigned });
  for (const { kernel, params, workgroups } of planCheckIndices({ shape, strides, offset, isSigned }, size, slot)) {
    device.dispatch(kernel, [index.wholeBinding(), checks.flags.binding()], params, workgroups, { kind: 'opaque' });
  }
}

/** Throws ToolError 'shape' with the op and the first index that named no element since the last readback. */
export async function reportBadIndices(device: Device): Promise<void> {
  const found = opened.get(device);
  if (found === undefined) return;
  const { flags, checks } = found;
  const words = await device.readElements(flags.binding(), 'u32');
  const bad = checks.findIndex((_, slot) => words[slot * SLOT_WORDS] !== 0);
  if (bad < 0) return;
  // Later failures start from clean flags. Their bits are those of 0 as f32 too.
  device.pool.retain(flags.storage);
  const floats = new Tensor(device, flags.storage, 'f32', flags.shape);
  fill(floats, 0);
  floats.dispose();
  const { op, shape, size, isSigned } = checks[bad]!;
  const bits = words[bad * SLOT_WORDS + 1]!;
  throw new ToolError('shape', {
    op,
    expected: `indices in [${isSigned ? -size : 0}, ${size})`,
    got: `${isSigned ? bits | 0 : bits} at position ${0xffffffff - words[bad * SLOT_WORDS]!} of an index ${formatShape(shape)}`,
    hint: 'without this check the element reads as NaN (0 for integers), and a write to it is dropped.',
  });
}
