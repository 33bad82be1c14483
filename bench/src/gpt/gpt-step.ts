import { Adamw, accumulateGradients, Parameters } from '@dawngrad/autograd';
import {
  add,
  affine,
  type CompiledStep,
  compile,
  type Device,
  embedding,
  geluTanh,
  groupTokens,
  layerNorm,
  linear,
  linearLogProbs,
  mean,
  type PlanPasses,
  packedAttention,
  reshape,
  type Segments,
  Tensor,
  type TokenGroups,
} from '@dawngrad/tensor';
import { disposeAll } from '../values.ts';
import { gptTokens, initialWeights, type NamedMatrix } from './gpt-data.ts';
import { ADAM, GPT, type GptSize, NORM_EPS } from './gpt-size.ts';

/** What a step is called with: another one may come at each call. */
interface GptBatch {
  readonly ids: Tensor;
  readonly groups: TokenGroups;
  readonly targets: Tensor;
}

/** The tiny GPT of `gpt-size.ts` on dawngrad: its parameters, its optimizer and one batch. */
export class GptStep {
  readonly #size: GptSize;
  readonly #parameters: Parameters;
  readonly #optimizer: Adamw;
  readonly #batch: GptBatch;
  readonly #segments: Segments;
  readonly #compiled: CompiledStep<[GptBatch], Tensor>;

  /** `passes` are those of the compiler that are left out or not. */
  constructor(device: Device, size: GptSize, passes: PlanPasses = {}) {
    this.#size = size;
    const weights = stackProjections(initialWeights(size).map(inOurLayout));
    this.#parameters = new Parameters(
      device,
      'bench/gpt',
      weights.map(({ name, shape }) => ({ name, shape, decay: false })),
      { trainable: true },
    );
    for (const { name, values } of weights) this.#parameters.set(name, values);
    const { beta1, beta2, eps } = ADAM;
    this.#optimizer = new Adamw(this.#parameters, { beta1, beta2, eps });
    const { inputs, targets } = gptTokens(size);
    const upload = (values: ArrayLike<number>, label: string): Tensor =>
      Tensor.from(device, Uint32Array.from(values), [values.length], 'u32', label);
    this.#batch = {
      ids: upload(inputs, 'bench/ids'),
      groups: groupTokens(device, Uint32Array.from(inputs)),
      targets: upload(targets, 'bench/targets'),
    };
    const border = (shift: number): Tensor =>
      upload(
        inputs.map((_, row) => (Math.floor(row / size.tokens) + shift) * size.tokens),
        'bench/segments',
      );
    this.#segments = { start: border(0), end: border(1) };
    this.#compiled = compile(device, (batch: GptBatch) => this.#step(batch), passes);
  }

  /** Records forward, backward and update launch by launch; the loss of before the update, []. */
  recordEager(): Tensor {
    return this.#step(this.#batch);
  }

  /** The same as a compiled step: recorded at the first call, replayed at every other. */
  recordPlanned(): Tensor {
    return this.#compiled(this.#batch);
  }

  dispose(): void {
    const { ids, groups, targets } = this.#batch;
    this.#compiled.dispose();
    disposeAll([ids, groups.distinct, groups.offsets, groups.order, targets])();
    disposeAll([this.#segments.start, this.#segments.end])();
    this.#optimizer.dispose();
    this.#parameters.dispose();
  }

  #step(batch: GptBatch): Tensor {
    const { loss } = accumulateGradients([this.#parameters], () => {
      const hidden = this.#hidden(batch);
      const { logp } = linearLogProbs(hidden, this.#parameters.get('wte'), batch.targets);
      return { loss: affine(mean(logp), -1, 0) };
    });
    this.#optimizer.step(ADAM.lr);
    return loss;
  }

  /** The last hidden states, [sequences * tokens, width]. */
  #hidden({ ids, groups }: GptBatch): Tensor {
    const { width, heads, layers } = GPT;
    const { sequences, tokens } = this.#size;
    const rows = sequences * tokens;
    const weight = (name: string): Tensor => this.#parameters.get(name);
    const norm = (x: Tensor, name: string, layer: number): Tensor =>
      layerNorm(x, weight(`${name}Gain${layer}`), weight(`${name}Bias${layer}`), NORM_EPS);
    const attrs = { heads, kvHeads: heads, scale: 1 / Math.sqrt(width / heads), window: 0 };
    const looked = embedding(weight('wte'), ids, { groups });
    let x = reshape(add(reshape(looked, [sequences, tokens, width]), weight('wpe')), [rows, width]);
    for (let layer = 0; layer < layers; layer++) {
      const qkv = linear(norm(x, 'before', layer), weight(`qkv${layer}`));
      const mixed = packedAttention(reshape(qkv, [rows, 3 * heads, width / heads]), this.#segments, attrs);
      const middle = linear(reshape(mixed, [rows, width]), weight(`o${layer}`), { residual: x });
      const inner = geluTanh(linear(norm(middle, 'between', layer), weight(`up${layer}`)));
      x = linear(inner, weight(`down${layer}`), { residual: middle });
    }
    return layerNorm(x, weight('gain'), weight('bias'), NORM_EPS);
  }
}

/** Linears hold [out, in] here: the transpose of what the others hold. */
function inOurLayout(matrix: NamedMatrix): NamedMatrix {
  const { name, shape, values } = matrix;
  if (shape.length === 1 || name === 'wte' || name === 'wpe') return matrix;
  const [rows, columns] = shape as [number, number];
  return {
    name,
    shape: [columns, rows],
    values: values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!),
  };
}

/** The matrices of q, k and v of a layer as the rows of one: one product instead of three, of the same numbers. */
function stackProjections(matrices: readonly NamedMatrix[]): NamedMatrix[] {
  return matrices.flatMap((matrix): NamedMatrix[] => {
    const [, kind, layer] = /^([qkv])(\d+)$/.exec(matrix.name) ?? [];
    if (kind === undefined) return [matrix];
    if (kind !== 'q') return [];
    const parts = ['q', 'k', 'v'].map((name) => matrices.find((other) => other.name === `${name}${layer}`)!);
    const [out, width] = matrix.shape as [number, number];
    const values = new Float32Array(3 * out * width);
    parts.forEach((part, i) => {
      values.set(part.values, i * out * width);
    });
    return [{ name: `qkv${layer}`, shape: [3 * out, width], values }];
  });
}
