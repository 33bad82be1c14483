import { uniformValues } from '../values.ts';
import type { Contender } from './contender.ts';
import { initialWeights, trainTokens } from './train-data.ts';
import { ADAM, NORM_EPS, type TrainWorkload } from './workload.ts';

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
  sigmoid(x: Value): Value;
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
    name: 'tfjs-webgpu',
    matmul: async ({ m, n, k }) => {
      const [a, b] = [random([m, k], 1), random([k, n], 2)];
      return {
        run: async () => {
          const product = tf.matMul(a, b);
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
    train: async (workload) => {
      const parameters: Record<string, Value> = Object.fromEntries(
        initialWeights(workload).map(({ name, shape, values }) => [
          name,
          tf.tidy(() => tf.variable(tf.tensor(values, shape))),
        ]),
      );
      const optimizer = tf.train.adam(ADAM.lr, ADAM.beta1, ADAM.beta2, ADAM.eps);
      const { inputs, targets } = trainTokens(workload);
      const x = tf.tensor(inputs, [workload.sequences, workload.tokens], 'int32');
      const y = tf.tensor(targets, [targets.length], 'int32');
      const mask = causalMask(tf, workload.tokens);
      const loss = decoderLoss(tf, workload, parameters, x, y, mask);
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

function decoderLoss(
  tf: Tfjs,
  { sequences, tokens, vocabulary, width, heads, layers }: TrainWorkload,
  parameters: Readonly<Record<string, Value>>,
  x: Value,
  y: Value,
  mask: Value,
): () => Value {
  const weight = (name: string): Value => parameters[name]!;
  const norm = (h: Value, scale: Value): Value =>
    tf.mul(tf.mul(h, tf.rsqrt(tf.add(tf.mean(tf.square(h), -1, true), NORM_EPS))), scale);
  // Rows of all sequences in one matrix: a batched product would broadcast the weight.
  return () => {
    let h = tf.reshape(tf.add(tf.gather(weight('tokens'), x), weight('positions')), [-1, width]);
    for (let layer = 0; layer < layers; layer++) {
      const normed = norm(h, weight(`before${layer}`));
      const [q, k, v] = ['q', 'k', 'v'].map((name) =>
        tf.transpose(
          tf.reshape(tf.matMul(normed, weight(`${name}${layer}`)), [sequences, tokens, heads, width / heads]),
          HEADS_FIRST,
        ),
      ) as [Value, Value, Value];
      const mixed = tf.reshape(tf.transpose(causalAttention(tf, q, k, v, mask), HEADS_FIRST), [-1, width]);
      h = tf.add(h, tf.matMul(mixed, weight(`o${layer}`)));
      const inner = norm(h, weight(`between${layer}`));
      const gate = tf.matMul(inner, weight(`gate${layer}`));
      const gated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), tf.matMul(inner, weight(`up${layer}`)));
      h = tf.add(h, tf.matMul(gated, weight(`down${layer}`)));
    }
    const logits = tf.matMul(norm(h, weight('norm')), weight('tokens'), false, true);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(y, vocabulary)), -1)));
  };
}
