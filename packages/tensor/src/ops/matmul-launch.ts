import { ToolError } from '../errors.ts';
import type { BufferBinding } from '../gpu/command-list.ts';
import type { Device } from '../gpu/device.ts';
import { matmulCapabilities } from '../kernels/matmul-capabilities.ts';
import { matmulChooser } from '../kernels/matmul-chooser.ts';
import { type MatmulPlan, planMatmul } from '../kernels/matmul-plan.ts';
import type { MatmulFusion, MatmulSize, MatmulVariant } from '../kernels/matmul-spec.ts';
import { WEIGHT_BLOCK, WEIGHT_BYTES } from '../kernels/matmul-weight.wgsl.ts';
import type { FusionInfo } from '../plan/fusion-info.ts';

/** The buffers of a matmul, each from its first element on. */
export interface MatmulBuffers {
  readonly a: BufferBinding;
  readonly b: BufferBinding;
  /** Of quantised weights. */
  readonly scales?: BufferBinding | undefined;
  /** The bias or the residual. */
  readonly extra?: BufferBinding | undefined;
  /** One an operand of the fusion. */
  readonly fused: readonly BufferBinding[];
  /** Gets the values before the fused expression, with `keepsSum`. */
  readonly kept?: BufferBinding | undefined;
  readonly c: BufferBinding;
}

/** One matmul over buffers. */
export interface MatmulWork {
  readonly size: MatmulSize;
  readonly variant: MatmulVariant;
  readonly buffers: MatmulBuffers;
}

/**
 * Rows, columns and steps of k are cut at multiples of this: then every part of every operand begins at a
 * multiple of 256 bytes, WebGPU's alignment of bindings, whatever the length of the rows.
 */
const CUT = 128;

/** Records a matmul. Operands that are larger than a storage binding may be are taken in parts. */
export function recordMatmul(device: Device, work: MatmulWork): void {
  const cut = firstCut(work, device.limits.maxStorageBufferBindingSize);
  if (cut !== undefined) {
    for (const part of cut) recordMatmul(device, part);
    return;
  }
  const { size, variant } = work;
  const capabilities = matmulCapabilities(device);
  const candidate = matmulChooser(device)?.(size, variant, capabilities);
  recordPlan(device, planMatmul(size, { ...variant, capabilities, candidate }), work, (fused: MatmulFusion) =>
    planMatmul(size, { ...variant, fused, capabilities, candidate }),
  );
}

/** Records the launches of a plan of `work`. */
export function recordPlan(
  device: Device,
  plan: MatmulPlan,
  { size, variant, buffers }: MatmulWork,
  replan: (fusion: MatmulFusion) => MatmulPlan,
): void {
  const { a, b, scales, extra, fused, kept, c } = buffers;
  const inputs = [a, b, ...(scales === undefined ? [] : [scales])];
  const rest = [...(extra === undefined ? [] : [extra]), ...fused, ...(kept === undefined ? [] : [kept]), c];
  const isPlain = size.ldc === size.n && (size.batch === 1 || size.strideC === size.m * size.n);
  const cost = { flops: plan.flops, bytes: plan.bytes };
  // A sum that is added to what C holds cannot go to another output.
  const info: FusionInfo =
    variant.fused === undefined && variant.epilogue !== 'accumulate' && isPlain
      ? {
          ...cost,
          kind: 'matmul',
          rows: size.batch * size.m,
          columns: size.n,
          replan: (fusion) => {
            const next = replan(fusion);
            return next.combine ?? next;
          },
        }
      : { ...cost, kind: 'opaque' };
  if (plan.combine === undefined) {
    device.dispatch(plan.kernel, [...inputs, ...rest], plan.params, plan.workgroups, info);
    return;
  }
  const { kernel, params, workgroups, partBytes } = plan.combine;
  const storage = device.pool.allocate(partBytes, 'tensor/matmul/parts');
  const parts = { storage, offset: 0, size: Math.ceil(partBytes / 16) * 16 };
  device.dispatch(plan.kernel, [...inputs, parts], plan.params, plan.workgroups, { ...cost, kind: 'opaque' });
  device.dispatch(kernel, [parts, ...rest], params, workgroups, info);
  device.pool.release(storage);
}

/** Bytes from the first element of an operand to the end of its last. */
function spans({ size, variant }: MatmulWork): { a: number; b: number; c: number } {
  const { m, n, k, batch, lda, ldb, ldc, strideA, strideB, strideC } = size;
  const span = (stride: number, rows: number, ld: number, columns: number) =>
    rows === 0 || columns === 0 ? 0 : (batch - 1) * stride + (rows - 1) * ld + columns;
  const { transA, transB, input = 'f32', weight = 'f32' } = variant;
  return {
    a: WEIGHT_BYTES[input] * (transA ? span(strideA, k, lda, m) : span(strideA, m, lda, k)),
    b: WEIGHT_BYTES[weight] * (transB ? span(strideB, n, ldb, k) : span(strideB, k, ldb, n)),
    c: 4 * span(strideC, m, ldc, n),
  };
}

/** The work in two or more parts, if a binding would be too large. */
function firstCut(work: MatmulWork, limit: number): MatmulWork[] | undefined {
  const { size, variant } = work;
  const { a, b, c } = spans(work);
  if (a <= limit && b <= limit && c <= limit) return undefined;
  if (size.batch > 1) {
    const strides = [size.strideA, size.strideB, size.strideC];
    const step = strides.every((stride) => stride % 64 === 0) ? 1 : 64;
    if (step < size.batch) return cutAlong(work, 'batch', step * Math.max(1, Math.floor(size.batch / step / 2)));
  }
  if (c > limit && size.m <= CUT) return halves(work, 'n', limit);
  if (c > limit || (a > limit && !variant.transA)) return halves(work, 'm', limit);
  if (b > limit && variant.transB) return halves(work, 'n', limit);
  return halves(work, 'k', limit);
}

function halves(work: MatmulWork, axis: 'm' | 'n' | 'k', limit: number): MatmulWork[] {
  const extent = work.size[axis];
  if (extent <= CUT) {
    throw new ToolError('limit', {
      op: 'matmul',
      expected: `operands of which ${CUT} rows fit a storage binding (${limit} bytes)`,
      got: `${work.size.m} x ${work.size.k} by ${work.size.k} x ${work.size.n}`,
    });
  }
  return cutAlong(work, axis, CUT * Math.max(1, Math.floor(extent / CUT / 2)));
}

/** The first `at` matrices, rows, columns or steps of k, and the rest. */
function cutAlong(work: MatmulWork, axis: 'batch' | 'm' | 'n' | 'k', at: number): MatmulWork[] {
  return [partOf(work, axis, 0, at), partOf(work, axis, at, work.size[axis] - at)];
}

function partOf(work: MatmulWork, axis: 'batch' | 'm' | 'n' | 'k', first: number, count: number): MatmulWork {
  const { size, variant, buffers } = work;
  const { lda, ldb, ldc, strideA, strideB, strideC } = size;
  const { transA, transB, input = 'f32', weight = 'f32', fused } = variant;
  const [a, b, c] = {
    batch: [strideA, strideB, strideC],
    m: [transA ? 1 : lda, 0, ldc],
    n: [0, transB ? ldb : 1, 1],
    k: [transA ? lda : 1, transB ? 1 : ldb, 0],
  }[axis].map((stride) => stride * first) as [number, number, number];
  const resized = { ...size, [axis]: count };
  const bytes = spans({ ...work, size: resized });
  const like = (binding: BufferBinding, offset: number, span: number): BufferBinding => ({
    storage: binding.storage,
    offset: binding.offset + offset,
    size: Math.min(Math.ceil(span / 16) * 16, binding.storage.bytes - binding.offset - offset),
  });
  const likeC = (binding: BufferBinding) => like(binding, 4 * c, bytes.c);
  const likeRow = (binding: BufferBinding) => like(binding, axis === 'n' ? 4 * first : 0, 4 * resized.n);
  const likeColumn = (binding: BufferBinding) => like(binding, axis === 'm' ? 4 * first : 0, 4 * resized.m);
  const isLast = axis !== 'k' || first + count === size.k;
  const isFirst = axis !== 'k' || first === 0;
  const block = WEIGHT_BLOCK[weight];
  const scaleBytes = weight === 'nf4' ? 4 : 2;
  const blocks = bytes.b / WEIGHT_BYTES[weight] / block;
  return {
    size: resized,
    variant: {
      ...variant,
      epilogue: isFirst ? variant.epilogue : 'accumulate',
      fused:
        isLast && fused ? { ...fused, firstColumn: (fused.firstColumn ?? 0) + (axis === 'n' ? first : 0) } : undefined,
    },
    buffers: {
      a: like(buffers.a, codeBytes(input) * a, bytes.a),
      b: like(buffers.b, codeBytes(weight) * b, codeBytes(weight) * blocks * block),
      scales: buffers.scales && like(buffers.scales, (scaleBytes * b) / block, scaleBytes * blocks),
      extra:
        buffers.extra && isFirst
          ? variant.epilogue === 'bias'
            ? likeRow(buffers.extra)
            : likeC(buffers.extra)
          : undefined,
      fused: isLast
        ? buffers.fused.map((binding, i) => {
            const kind = fused!.operands[i]!;
            if (kind === 'matrix') return likeC(binding);
            return kind === 'row' ? likeRow(binding) : likeColumn(binding);
          })
        : [],
      kept: buffers.kept && isLast ? likeC(buffers.kept) : undefined,
      c: likeC(buffers.c),
    },
  };
}

/** Bytes of a value of B without its scale. */
function codeBytes(weight: NonNullable<MatmulVariant['weight']>): number {
  switch (weight) {
    case 'f32':
      return 4;
    case 'f16':
    case 'bf16':
      return 2;
    case 'q8_0':
      return 1;
    case 'q4_0':
    case 'nf4':
      return 0.5;
  }
}
