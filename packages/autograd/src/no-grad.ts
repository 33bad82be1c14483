import { applyOp, defineOp, type Tensor, withoutObservers } from '@dawngrad/tensor';

/**
 * Runs `body` without recording: what it computes is a constant to every gradient, and no tape keeps its
 * intermediates alive.
 */
export function noGrad<T>(body: () => T): T {
  return withoutObservers(body);
}

const stopGradientOp = defineOp<undefined>({
  name: 'stopGradient',
  doc: 'y = x, and a constant to every gradient; a view',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  compose: ([x]) => x!.view(x!.shape, x!.strides, x!.offset),
  nonDifferentiable: 'it is there to stop the gradient',
  reference: ([x]) => [x!],
  dtypes: ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'],
});

/** The same values, through which no gradient flows. Another handle on the buffer: nothing is copied. */
export function stopGradient(x: Tensor): Tensor {
  return applyOp(stopGradientOp, [x], undefined)[0]!;
}
