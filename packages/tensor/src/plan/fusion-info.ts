import type { DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import type { ElementwiseExpression, ElementwiseOperand } from '../kernels/elementwise.wgsl.ts';
import type { MatmulFusion } from '../kernels/matmul-spec.ts';
import type { ScalarLike } from '../scalar.ts';
import type { Shape } from '../shape.ts';

/** What a launch costs, for dumps and profiles. */
export interface LaunchCost {
  readonly flops?: number;
  /** Least bytes to move. Default: the sizes of the bindings. */
  readonly bytes?: number;
}

/** A launch of the elementwise kernel: out[i] = expression(operands). Bindings: the operands, then the output. */
export interface PointwiseInfo extends LaunchCost {
  readonly kind: 'pointwise';
  readonly expression: ElementwiseExpression;
  /** In the order of the bindings; strides over the shape of the output. */
  readonly operands: readonly ElementwiseOperand[];
  readonly out: { readonly shape: Shape; readonly dtype: DType };
  readonly scalars: readonly ScalarLike[];
}

/**
 * A matmul without a fused expression whose output is a plain f32 tensor: `replan` gives the same launch with
 * one. Bindings: those of the launch without the output, the extra operands, [the sum], the output.
 */
export interface MatmulInfo extends LaunchCost {
  readonly kind: 'matmul';
  /** Rows in all (batch included) and columns of the output. */
  readonly rows: number;
  readonly columns: number;
  /** The same launch with a fused expression after the sum. */
  replan(fusion: MatmulFusion): LaunchPlan;
}

/** A launch that the step compiler takes as it is. */
export interface OpaqueInfo extends LaunchCost {
  readonly kind: 'opaque';
}

/** What the step compiler may know of a launch; handed to `Device.dispatch` beside the launch itself. */
export type FusionInfo = PointwiseInfo | MatmulInfo | OpaqueInfo;
