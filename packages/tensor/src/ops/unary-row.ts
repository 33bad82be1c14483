import type { MathFunctionName } from '../kernels/lib/math.wgsl.ts';
import type { ToleranceClass } from '../testing/tolerance.ts';

/**
 * What becomes of the element type:
 * - float: floats keep theirs, integers and bools give f32
 * - number: every type keeps its own, bools give i32
 * - flag: bool
 */
export type ResultKind = 'float' | 'number' | 'flag';

/** One unary op: its WGSL over `x0`, and the same function in float64. */
export interface UnaryRow {
  readonly doc: string;
  /** Over floats; see `ElementwiseExpression`. */
  readonly expr: string;
  /** Over integers, for kind number. */
  readonly ints?: string;
  /** Functions of kernels/lib/math.wgsl.ts that the expression calls. */
  readonly functions?: readonly MathFunctionName[];
  /** Default float. */
  readonly kind?: ResultKind;
  /** The type that is computed in, where it is not that of the operand: bool for logical ops. */
  readonly compute?: 'bool' | 'f32';
  readonly reference: (x: number) => number;
  /** Maps standard normal samples into the op's domain, away from jumps and kinks. */
  readonly domain?: (x: number) => number;
  readonly tolerance?: ToleranceClass;
  readonly nonDifferentiable?: string;
}
