import {
  affine,
  isObserved,
  launchPlan,
  layerNormParts,
  mean,
  multiply,
  planLayerNormGradient,
  planLayerNormTotals,
  reciprocal,
  sqrt,
  square,
  subtract,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import type { Gradient, GradientContext, InputGradients } from '../gradient.ts';

type Context = GradientContext<{ readonly eps: number }>;

/**
 * With h = (x - mean) r and g = dy gain: dx = r (g - mean(g) - h mean(g h)), dgain = sum of dy h,
 * dbias = sum of dy. Two launches; where another tape watches, the same as a composition of ops.
 */
export const layerNormGradient: Gradient<{ readonly eps: number }> = {
  apply: (context) => {
    if (context.dy[0] === undefined) return [undefined, undefined, undefined];
    return isObserved() ? composed(context, context.dy[0]) : fused(context, context.dy[0]);
  },
};

function fused({ inputs, outputs, needs, into, earlier }: Context, dy: Tensor): InputGradients {
  const [x, gain] = inputs as [Tensor, Tensor];
  const [, centre, scale] = outputs as [Tensor, Tensor, Tensor];
  const device = x.device;
  const [rows, width] = [centre.size, gain.size];
  const needsAffine = needs[1] === true || needs[2] === true;
  const empty = (shape: readonly number[], name: string): Tensor =>
    Tensor.empty(device, shape, 'f32', `autograd/layer-norm/${name}`);
  const dx = needs[0] ? empty(x.shape, 'dx') : undefined;
  const extra = dx && rows > 0 ? earlier(0) : undefined;
  const parts = layerNormParts(rows, width, device.adapterClass);
  const sums = needsAffine ? empty([parts, 2, width], 'sums') : undefined;
  if (rows > 0) {
    const spec = { rows, width, input: dx !== undefined, extra: extra !== undefined, affine: needsAffine };
    launchPlan(
      planLayerNormGradient(spec, device.adapterClass),
      [x, centre, scale, dy, ...(dx ? [gain, ...(extra ? [extra] : [])] : [])],
      [...(dx ? [dx] : []), ...(sums ? [sums] : [])],
    );
  }
  const byInput = dx && extra ? { total: dx } : dx;
  if (sums === undefined) return [byInput, undefined, undefined];
  const [intoGain, intoBias] = [into(1), into(2)];
  const dGain = intoGain ?? empty([width], 'dgain');
  const dBias = intoBias ?? empty([width], 'dbias');
  const totals = { keepGain: intoGain !== undefined, keepBias: intoBias !== undefined };
  launchPlan(planLayerNormTotals(parts, width, totals), [sums], [dGain, dBias]);
  return [byInput, intoGain ? 'added' : dGain, intoBias ? 'added' : dBias];
}

function composed({ inputs, needs, attrs }: Context, dy: Tensor): InputGradients {
  const [x, gain] = inputs as [Tensor, Tensor];
  const last = { axes: [-1], keepDims: true };
  const rows = { axes: x.shape.slice(1).map((_, axis) => axis) };
  const centred = subtract(x, mean(x, last));
  const r = reciprocal(sqrt(affine(mean(square(centred), last), 1, attrs.eps)));
  const h = multiply(centred, r);
  const g = multiply(dy, gain);
  return [
    needs[0] ? multiply(r, subtract(subtract(g, mean(g, last)), multiply(h, mean(multiply(g, h), last)))) : undefined,
    needs[1] ? sum(multiply(dy, h), rows) : undefined,
    needs[2] ? sum(dy, rows) : undefined,
  ];
}
