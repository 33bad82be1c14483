import { ToolError } from '../errors.ts';
import { type LowRankShape, MOST_TERMS, planLowRankExpand, planLowRankProject } from '../kernels/low-rank.wgsl.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';

/** A low-rank part of a result: columns first ... first + out - 1 of y get scale (x A^T) B^T. */
export interface LowRankTerm {
  /** A, f32 [R, in]. */
  readonly down: Tensor;
  /** B, f32 [out, R]. */
  readonly up: Tensor;
  readonly scale: number;
  readonly first: number;
}

/**
 * Adds low-rank parts, such as those of LoRA adapters, to columns of y, in place: y [N, width], x [N, in], f32. Two
 * launches for up to three terms, whose columns must not overlap. Not seen by autograd; for few rows, as in decoding.
 * On a CPU adapter the bits are those of `add(y, linear(affine(linear(x, A), scale, 0), B))`.
 * Throws ToolError 'shape'.
 */
export function addLowRank(y: Tensor, x: Tensor, terms: readonly LowRankTerm[]): void {
  check(y, x, terms);
  const [rows, inner] = x.shape as [number, number];
  if (rows === 0) return;
  const { device } = y;
  for (let from = 0; from < terms.length; from += MOST_TERMS) {
    const some = terms.slice(from, from + MOST_TERMS);
    const shape: LowRankShape = {
      ...{ rows, inner, width: y.shape[1]!, adapterClass: device.adapterClass },
      terms: some.map(({ up, scale, first }) => ({ rank: up.shape[1]!, out: up.shape[0]!, first, scale })),
    };
    const rank = shape.terms.reduce((sum, term) => sum + term.rank, 0);
    const low = Tensor.empty(device, [rows, rank], 'f32', 'tensor/low-rank');
    launchPlan(planLowRankProject(shape), [x, ...some.map(({ down }) => down)], [low]);
    launchPlan(planLowRankExpand(shape), [low, ...some.map(({ up }) => up)], [y]);
    low.dispose();
  }
}

function check(y: Tensor, x: Tensor, terms: readonly LowRankTerm[]): void {
  const inner = x.shape[1]!;
  const fits =
    y.rank === 2 &&
    x.rank === 2 &&
    y.shape[0] === x.shape[0] &&
    y.isBindable &&
    terms.every(
      ({ down, up, first }) =>
        down.rank === 2 &&
        up.rank === 2 &&
        down.shape[1] === inner &&
        down.shape[0] === up.shape[1] &&
        down.shape[0]! > 0 &&
        Number.isInteger(first) &&
        first >= 0 &&
        first + up.shape[0]! <= y.shape[1]!,
    ) &&
    [y, x, ...terms.flatMap(({ down, up }) => [down, up])].every(({ dtype }) => dtype === 'f32');
  if (fits) return;
  throw new ToolError('shape', {
    op: 'addLowRank',
    expected: 'a plain y [N, width], x [N, in], and terms A [R, in], B [out, R] in f32 whose columns lie within y',
    got: [y, x, ...terms.flatMap(({ down, up }) => [down, up])]
      .map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`)
      .join(', '),
  });
}
