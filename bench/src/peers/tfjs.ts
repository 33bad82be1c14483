import { gptTokens, initialWeights } from '../gpt/gpt-data.ts';
import { ADAM, GPT, type GptSize, NORM_EPS } from '../gpt/gpt-size.ts';
import { uniformValues } from '../values.ts';
import type { Contender } from './contender.ts';

/** What is used of a TensorFlow.js tensor. */
interface Value {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** What is used of TensorFlow.js with its WebGPU backend. */
export interface Tfjs {
  setBackend(name: 'webgpu'): Promise<boolean>;
  ready(): Promise<void>;
  tidy<T>(body: () => T): T;
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype?: 'int32'): Value;
  variable(value: Value): Value;
  add(a: Value, b: Value | number): Value;
  mul(a: Value, b: Value | number): Value;
  neg(x: Value): Value;
  rsqrt(x: Value): Value;
  square(x: Value): Value;
  tanh(x: Value): Value;
  sub(a: Value, b: Value): Value;
  softmax(x: Value, axis: number): Value;
  logSoftmax(x: Value): Value;
  mean(x: Value, axis?: number, keepDims?: boolean): Value;
  sum(x: Value, axis?: number): Value;
  matMul(a: Value, b: Value, transposeA?: boolean, transposeB?: boolean): Value;
  reshape(x: Value, shape: readonly number[]): Value;
  transpose(x: Value, order: readonly number[]): Value;
  gather(table: Value, ids: Value): Value;
  oneHot(ids: Value, depth: number): Value;
  valueAndGrads(loss: (...inputs: Value[]) => Value): (inputs: Value[]) => { value: Value; grads: Value[] };
  readonly train: {
    adam(lr: number, beta1: number, beta2: number, eps: number): { minimize(loss: () => Value, keep: true): Value };
  };
}

/** Added to the scores of later keys. */
function causalMask(tf: Tfjs, tokens: number): Value {
  const values = Float32Array.from({ length: tokens * tokens }, (_, i) =>
    i % tokens <= Math.floor(i / tokens) ? 0 : -1e9,
  );
  return tf.tensor(values, [1, 1, tokens, tokens]);
}

/** q, k and v [B, H, T, E]. */
function causalAttention(tf: Tfjs, q: Value, k: Value, v: Value, mask: Value): Value {
  const scale = 1 / Math.sqrt(q.shape[3]!);
  return tf.matMul(tf.softmax(tf.add(tf.mul(tf.matMul(q, k, false, true), scale), mask), -1), v);
}

const HEADS_FIRST = [0, 2, 1, 3];

/** Its name in rows. It runs eagerly. */
export const TFJS = 'tfjs';

export async function tfjsContender(tf: Tfjs): Promise<Contender> {
  await tf.setBackend('webgpu');
  await tf.ready();
  const random = (shape: readonly number[], seed: number): Value =>
    tf.tensor(
      uniformValues(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
      shape,
    );
  return {
    name: TFJS,
    matmul: async ({ m, n, k, transA, transB }) => {
      const a = random(transA ? [k, m] : [m, k], 1);
      const b = random(transB ? [n, k] : [k, n], 2);
      return {
        run: async () => {
          const product = tf.matMul(a, b, transA, transB);
          const values = await product.data();
          product.dispose();
          return [values];
        },
        dispose: () => {
          a.dispose();
          b.dispose();
        },
      };
    },
    attention: async ({ tokens, heads, headDim }) => {
      const [q, k, v, w] = [1, 2, 3, 4].map((seed) =>
        tf.tidy(() => tf.transpose(random([1, tokens, heads, headDim], seed), HEADS_FIRST)),
      ) as [Value, Value, Value, Value];
      const mask = causalMask(tf, tokens);
      const step = tf.valueAndGrads((a, b, c) => tf.sum(tf.mul(causalAttention(tf, a!, b!, c!, mask), w)));
      return {
        run: async (isCheck) => {
          const results = tf.tidy(() => {
            const { value, grads } = step([q, k, v]);
            return [value, ...(isCheck ? grads.map((gradient) => tf.transpose(gradient, HEADS_FIRST)) : grads)];
          });
          const read: Float32Array[] = [];
          for (const result of isCheck ? results : results.slice(0, 1)) read.push(await result.data());
          for (const result of results) result.dispose();
          return read;
        },
        dispose: () => {
          for (const value of [q, k, v, w, mask]) value.dispose();
        },
      };
    },
    train: async ({ size }) => {
      const parameters: Record<string, Value> = Object.fromEntries(
        initialWeights(size).map(({ name, shape, values }) => [
          name,
          tf.tidy(() => tf.variable(tf.tensor(values, shape))),
        ]),
      );
      const optimizer = tf.train.adam(ADAM.lr, ADAM.beta1, ADAM.beta2, ADAM.eps);
      const { inputs, targets } = gptTokens(size);
      const x = tf.tensor(inputs, [size.sequences, size.tokens], 'int32');
      const y = tf.tensor(targets, [targets.length], 'int32');
      const mask = causalMask(tf, size.tokens);
      const loss = gptLoss(tf, size, parameters, x, y, mask);
      return {
        run: async () => {
          const value = tf.tidy(() => optimizer.minimize(loss, true));
          const read = await value.data();
          value.dispose();
          return [read];
        },
        dispose: () => {
          for (const value of [...Object.values(parameters), x, y, mask]) value.dispose();
        },
      };
    },
  };
}

function gptLoss(
  tf: Tfjs,
  { sequences, tokens, vocabulary }: GptSize,
  parameters: Readonly<Record<string, Value>>,
  x: Value,
  y: Value,
  mask: Value,
): () => Value {
  const { width, heads, layers } = GPT;
  const weight = (name: string): Value => parameters[name]!;
  const norm = (h: Value, gain: Value, bias: Value): Value => {
    const centred = tf.sub(h, tf.mean(h, -1, true));
    const scaled = tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), NORM_EPS)));
    return tf.add(tf.mul(scaled, gain), bias);
  };
  const gelu = (h: Value): Value => {
    const inner = tf.mul(tf.add(h, tf.mul(tf.mul(h, tf.mul(h, h)), 0.044715)), Math.sqrt(2 / Math.PI));
    return tf.mul(tf.mul(h, 0.5), tf.add(tf.tanh(inner), 1));
  };
  // Rows of all sequences in one matrix: a batched product would broadcast the weight.
  return () => {
    let h = tf.reshape(tf.add(tf.gather(weight('wte'), x), weight('wpe')), [-1, width]);
    for (let layer = 0; layer < layers; layer++) {
      const normed = norm(h, weight(`beforeGain${layer}`), weight(`beforeBias${layer}`));
      const [q, k, v] = ['q', 'k', 'v'].map((name) =>
        tf.transpose(
          tf.reshape(tf.matMul(normed, weight(`${name}${layer}`)), [sequences, tokens, heads, width / heads]),
          HEADS_FIRST,
        ),
      ) as [Value, Value, Value];
      const mixed = tf.reshape(tf.transpose(causalAttention(tf, q, k, v, mask), HEADS_FIRST), [-1, width]);
      h = tf.add(h, tf.matMul(mixed, weight(`o${layer}`)));
      const inner = norm(h, weight(`betweenGain${layer}`), weight(`betweenBias${layer}`));
      h = tf.add(h, tf.matMul(gelu(tf.matMul(inner, weight(`up${layer}`))), weight(`down${layer}`)));
    }
    const logits = tf.matMul(norm(h, weight('gain'), weight('bias')), weight('wte'), false, true);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(y, vocabulary)), -1)));
  };
}
