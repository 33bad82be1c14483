import { Adamw, accumulateGradients, Parameters } from '@dawngrad/autograd';
import {
  add,
  affine,
  attention,
  type Device,
  embedding,
  groupTokens,
  layerNorm,
  linear,
  linearLogProbs,
  mean,
  multiply,
  reshape,
  type Segments,
  square,
  Tensor,
  type TokenGroups,
  tanh,
} from '@dawngrad/tensor';
import { disposeAll } from '../values.ts';
import { gptTokens, initialWeights, type NamedMatrix } from './gpt-data.ts';
import { ADAM, GPT, type GptSize, NORM_EPS } from './gpt-size.ts';

/** The tiny GPT of `gpt-size.ts` on dawngrad: its parameters, its optimizer and one batch. */
export class GptStep {
  readonly #size: GptSize;
  readonly #parameters: Parameters;
  readonly #optimizer: Adamw;
  readonly #ids: Tensor;
  readonly #groups: TokenGroups;
  readonly #targets: Tensor;
  readonly #segments: Segments;

  constructor(device: Device, size: GptSize) {
    this.#size = size;
    const weights = initialWeights(size).map(inOurLayout);
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
    this.#ids = upload(inputs, 'bench/ids');
    this.#groups = groupTokens(device, Uint32Array.from(inputs));
    this.#targets = upload(targets, 'bench/targets');
    const border = (shift: number): Tensor =>
      upload(
        inputs.map((_, row) => (Math.floor(row / size.tokens) + shift) * size.tokens),
        'bench/segments',
      );
    this.#segments = { start: border(0), end: border(1) };
  }

  /** Records forward, backward and update; the loss of before the update, []. */
  record(): Tensor {
    const { loss } = accumulateGradients([this.#parameters], () => {
      const hidden = this.#hidden();
      return { loss: affine(mean(linearLogProbs(hidden, this.#parameters.get('wte'), this.#targets).logp), -1, 0) };
    });
    this.#optimizer.step(ADAM.lr);
    return loss;
  }

  dispose(): void {
    const { distinct, offsets, order } = this.#groups;
    disposeAll([this.#ids, distinct, offsets, order, this.#targets, this.#segments.start, this.#segments.end])();
    this.#optimizer.dispose();
    this.#parameters.dispose();
  }

  /** The last hidden states, [sequences * tokens, width]. */
  #hidden(): Tensor {
    const { width, heads, layers } = GPT;
    const { sequences, tokens } = this.#size;
    const rows = sequences * tokens;
    const weight = (name: string): Tensor => this.#parameters.get(name);
    const norm = (x: Tensor, name: string, layer: number | ''): Tensor =>
      layerNorm(x, weight(`${name}Gain${layer}`), weight(`${name}Bias${layer}`), NORM_EPS);
    const attrs = { scale: 1 / Math.sqrt(width / heads), window: 0 };
    const looked = embedding(weight('wte'), this.#ids, { groups: this.#groups });
    let x = reshape(add(reshape(looked, [sequences, tokens, width]), weight('wpe')), [rows, width]);
    for (let layer = 0; layer < layers; layer++) {
      const normed = norm(x, 'before', layer);
      const [q, k, v] = ['q', 'k', 'v'].map((name) =>
        reshape(linear(normed, weight(`${name}${layer}`)), [rows, heads, width / heads]),
      ) as [Tensor, Tensor, Tensor];
      const mixed = reshape(attention(q, k, v, this.#segments, attrs), [rows, width]);
      const middle = linear(mixed, weight(`o${layer}`), { residual: x });
      const inner = gelu(linear(norm(middle, 'between', layer), weight(`up${layer}`)));
      x = linear(inner, weight(`down${layer}`), { residual: middle });
    }
    return layerNorm(x, weight('gain'), weight('bias'), NORM_EPS);
  }
}

/** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, after Hendrycks and Gimpel (2016). */
function gelu(x: Tensor): Tensor {
  const inner = affine(multiply(x, affine(square(x), 0.044715, 1)), Math.sqrt(2 / Math.PI), 0);
  return multiply(x, affine(tanh(inner), 0.5, 0.5));
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
