import { Adamw, accumulateGradients, grad, Parameters } from '@dawngrad/autograd';
import {
  add,
  affine,
  attention,
  type Device,
  embedding,
  groupTokens,
  linear,
  linearLogProbs,
  matmul,
  mean,
  multiply,
  readAll,
  reshape,
  rmsNorm,
  type Segments,
  scopeAsync,
  sum,
  swiglu,
  Tensor,
  type TokenGroups,
} from '@dawngrad/tensor';
import { disposeAll, randomTensor } from '../values.ts';
import type { Contender } from './contender.ts';
import { initialWeights, type NamedMatrix, trainTokens } from './train-data.ts';
import { ADAM, NORM_EPS, type TrainWorkload } from './workload.ts';

function uploadSegments(device: Device, sequences: number, tokens: number): Segments {
  const border = (shift: number): Tensor => {
    const data = Uint32Array.from(
      { length: sequences * tokens },
      (_, row) => (Math.floor(row / tokens) + shift) * tokens,
    );
    return Tensor.from(device, data, [data.length], 'u32', 'bench/segments');
  };
  return { start: border(0), end: border(1) };
}

/** Ids to look up, with their groups for the gradient. */
interface LookupIds {
  readonly rows: Tensor;
  readonly groups: TokenGroups;
}

function uploadIds(device: Device, ids: Uint32Array<ArrayBuffer>): LookupIds {
  return { rows: Tensor.from(device, ids, [ids.length], 'u32', 'bench/ids'), groups: groupTokens(device, ids) };
}

/** Linears hold [out, in] here: the transpose of what the others hold. */
function isLinear({ name, shape }: NamedMatrix): boolean {
  return shape.length === 2 && name !== 'tokens' && name !== 'positions';
}

function transposed({ shape: [rows, columns], values }: NamedMatrix): Float32Array {
  return Float32Array.from(values, (_, i) => values[(i % rows!) * columns! + Math.floor(i / rows!)]!);
}

async function readFloats(tensors: readonly Tensor[]): Promise<Float32Array[]> {
  return (await readAll(tensors)) as Float32Array[];
}

export function dawngradContender(device: Device): Contender {
  return {
    name: 'dawngrad',
    matmul: async ({ m, n, k }) => {
      const [a, b] = [randomTensor(device, [m, k], 1), randomTensor(device, [k, n], 2)];
      return { run: () => scopeAsync(() => readFloats([matmul(a, b)])), dispose: disposeAll([a, b]) };
    },
    attention: async ({ tokens, heads, headDim }) => {
      const [q, k, v, w] = [1, 2, 3, 4].map((seed) => randomTensor(device, [tokens, heads, headDim], seed)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const segments = uploadSegments(device, 1, tokens);
      const attrs = { scale: 1 / Math.sqrt(headDim), window: 0 };
      return {
        run: (isCheck) =>
          scopeAsync(async () => {
            const { loss, gradients } = grad(() => sum(multiply(attention(q, k, v, segments, attrs), w)), [q, k, v]);
            return readFloats(isCheck ? [loss, ...gradients] : [loss]);
          }),
        dispose: disposeAll([q, k, v, w, segments.start, segments.end]),
      };
    },
    train: async (workload) => {
      const weights = initialWeights(workload);
      const specs = weights.map((weight) => ({
        name: weight.name,
        shape: isLinear(weight) ? [...weight.shape].reverse() : weight.shape,
        decay: false,
      }));
      const parameters = new Parameters(device, 'bench/train', specs, { trainable: true });
      for (const weight of weights) parameters.set(weight.name, isLinear(weight) ? transposed(weight) : weight.values);
      const { beta1, beta2, eps, lr } = ADAM;
      const optimizer = new Adamw(parameters, { beta1, beta2, eps });
      const { inputs, targets } = trainTokens(workload);
      const next = Tensor.from(device, Uint32Array.from(targets), [targets.length], 'u32', 'bench/targets');
      const ids = uploadIds(device, Uint32Array.from(inputs));
      const positions = uploadIds(
        device,
        Uint32Array.from(inputs, (_, i) => i % workload.tokens),
      );
      const segments = uploadSegments(device, workload.sequences, workload.tokens);
      return {
        run: () =>
          scopeAsync(async () => {
            const { loss } = accumulateGradients([parameters], () => {
              const hidden = decoder(workload, parameters, ids, positions, segments);
              return { loss: affine(mean(linearLogProbs(hidden, parameters.get('tokens'), next).logp), -1, 0) };
            });
            optimizer.step(lr);
            return readFloats([loss]);
          }),
        dispose: () => {
          disposeAll([next, segments.start, segments.end])();
          for (const { rows, groups } of [ids, positions])
            disposeAll([rows, groups.distinct, groups.offsets, groups.order])();
          optimizer.dispose();
          parameters.dispose();
        },
      };
    },
  };
}

function decoder(
  { layers, heads, width }: TrainWorkload,
  parameters: Parameters,
  ids: LookupIds,
  positions: LookupIds,
  segments: Segments,
): Tensor {
  const rows = ids.rows.size;
  const weight = (name: string): Tensor => parameters.get(name);
  const attrs = { scale: 1 / Math.sqrt(width / heads), window: 0 };
  let x = add(
    embedding(weight('tokens'), ids.rows, { groups: ids.groups }),
    embedding(weight('positions'), positions.rows, { groups: positions.groups }),
  );
  for (let layer = 0; layer < layers; layer++) {
    const normed = rmsNorm(x, weight(`before${layer}`), NORM_EPS);
    const [q, k, v] = ['q', 'k', 'v'].map((name) =>
      reshape(linear(normed, weight(`${name}${layer}`)), [rows, heads, width / heads]),
    ) as [Tensor, Tensor, Tensor];
    const mixed = reshape(attention(q, k, v, segments, attrs), [rows, width]);
    const middle = linear(mixed, weight(`o${layer}`), { residual: x });
    const inner = rmsNorm(middle, weight(`between${layer}`), NORM_EPS);
    const gated = swiglu(linear(inner, weight(`gate${layer}`)), linear(inner, weight(`up${layer}`)));
    x = linear(gated, weight(`down${layer}`), { residual: middle });
  }
  return rmsNorm(x, weight('norm'), NORM_EPS);
}
