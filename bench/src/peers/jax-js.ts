import { gptTokens, initialWeights } from '../gpt/gpt-data.ts';
import { ADAM, GPT, type GptSize } from '../gpt/gpt-size.ts';
import { uniformValues } from '../values.ts';
import type { Contender } from './contender.ts';

/** What is used of a jax-js array. Every use consumes it; `ref` is one more use. */
interface Value {
  readonly ref: Value;
  add(other: Value | number): Value;
  sub(other: Value): Value;
  mul(other: Value | number): Value;
  div(other: Value | number): Value;
  equal(other: Value): Value;
  sum(): Value;
  reshape(shape: readonly number[]): Value;
  slice(index: Value): Value;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Tree = Record<string, Value>;
interface State {
  readonly count: Value;
  readonly first: Tree;
  readonly second: Tree;
}

/** What is used of the package `@jax-js/jax`. */
export interface JaxJs {
  init(device: 'webgpu'): Promise<unknown>;
  defaultDevice(device: 'webgpu'): void;
  jit<F>(body: F): F;
  valueAndGrad<A extends unknown[]>(loss: (tree: Tree, ...rest: A) => Value): (tree: Tree, ...rest: A) => [Value, Tree];
  readonly tree: { map(body: (...leaves: Value[]) => Value, ...trees: Tree[]): Tree; ref(tree: Tree): Tree };
  readonly numpy: {
    readonly int32: unknown;
    array(values: Float32Array | Int32Array | number[], options?: { dtype: unknown }): Value;
    arange(stop: number): Value;
    matmul(a: Value, b: Value): Value;
    sqrt(x: Value): Value;
    square(x: Value): Value;
    exp(x: Value): Value;
    transpose(x: Value): Value;
    where(condition: Value, yes: Value, no: number): Value;
    zerosLike(x: Value): Value;
  };
  readonly nn: {
    gelu(x: Value): Value;
    standardize(x: Value, axis: number): Value;
    logSoftmax(x: Value, axis: number): Value;
    dotProductAttention(q: Value, k: Value, v: Value, options: { isCausal: true }): Value;
  };
}

/** Its name in rows. It runs under `jit`, with Adam inside the traced step. */
export const JAX_JS = 'jax-js';

export async function jaxContender(jax: JaxJs): Promise<Contender> {
  await jax.init('webgpu');
  jax.defaultDevice('webgpu');
  const { numpy: np, tree } = jax;
  const upload = (values: Float32Array, shape: readonly number[]): Value => np.array(values.slice()).reshape(shape);
  const random = (shape: readonly number[], seed: number): Value =>
    upload(
      uniformValues(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
      shape,
    );
  return {
    name: JAX_JS,
    matmul: async ({ m, n, k, transA, transB }) => {
      const a = random(transA ? [k, m] : [m, k], 1);
      const b = random(transB ? [n, k] : [k, n], 2);
      const operand = (x: Value, isTransposed: boolean): Value => (isTransposed ? np.transpose(x.ref) : x.ref);
      return {
        run: async () => [await np.matmul(operand(a, transA), operand(b, transB)).data()],
        dispose: () => {
          a.dispose();
          b.dispose();
        },
      };
    },
    attention: async ({ tokens, heads, headDim }) => {
      const [q, k, v, w] = [1, 2, 3, 4].map((seed) => random([1, tokens, heads, headDim], seed)) as [
        Value,
        Value,
        Value,
        Value,
      ];
      const loss = (p: Tree, weight: Value): Value =>
        jax.nn.dotProductAttention(p.q!, p.k!, p.v!, { isCausal: true }).mul(weight).sum();
      const step = jax.jit((a: Value, b: Value, c: Value, weight: Value): Value[] => {
        const [value, { q: dq, k: dk, v: dv }] = jax.valueAndGrad(loss)({ q: a, k: b, v: c }, weight);
        return [value, dq!, dk!, dv!];
      });
      return {
        run: async (isCheck) => {
          const [value, ...gradients] = step(q.ref, k.ref, v.ref, w.ref);
          const results = [await value!.data()];
          for (const gradient of gradients) {
            if (isCheck) results.push(await gradient.data());
            else gradient.dispose();
          }
          return results;
        },
        dispose: () => {
          for (const value of [q, k, v, w]) value.dispose();
        },
      };
    },
    train: async ({ size }) => {
      let parameters: Tree = Object.fromEntries(
        initialWeights(size).map(({ name, shape, values }) => [name, upload(values, shape)]),
      );
      const zeros = (): Tree => tree.map((x) => np.zerosLike(x), tree.ref(parameters));
      let state: State = { count: np.array([0]), first: zeros(), second: zeros() };
      const loss = gptLoss(jax, size);
      const step = jax.jit((p: Tree, s: State, x: Value, y: Value): [Tree, State, Value] => {
        const [value, gradients] = jax.valueAndGrad(loss)(tree.ref(p), x, y);
        const [updated, next] = adam(jax, p, gradients, s);
        return [updated, next, value];
      });
      const { inputs, targets } = gptTokens(size);
      const shape = [size.sequences, size.tokens];
      const [x, y] = [inputs, targets].map((ids) => np.array(ids, { dtype: np.int32 }).reshape(shape)) as [
        Value,
        Value,
      ];
      return {
        run: async () => {
          let value: Value;
          [parameters, state, value] = step(parameters, state, x.ref, y.ref);
          return [await value.data()];
        },
        dispose: () => {
          for (const values of [parameters, state.first, state.second])
            for (const value of Object.values(values)) value.dispose();
          for (const value of [state.count, x, y]) value.dispose();
        },
      };
    },
  };
}

function gptLoss(
  { numpy: np, nn }: JaxJs,
  { sequences, tokens, vocabulary }: GptSize,
): (p: Tree, x: Value, y: Value) => Value {
  const { width, heads, layers } = GPT;
  return (p, x, y) => {
    const weight = (name: string): Value => p[name]!;
    // Its epsilon is 1e-5 by default.
    const norm = (h: Value, name: string, layer: number): Value =>
      nn
        .standardize(h, -1)
        .mul(weight(`${name}Gain${layer}`))
        .add(weight(`${name}Bias${layer}`));
    let h = weight('wte').ref.slice(x).add(weight('wpe'));
    for (let layer = 0; layer < layers; layer++) {
      const normed = norm(h.ref, 'before', layer);
      const project = (name: string): Value =>
        np.matmul(normed.ref, weight(`${name}${layer}`)).reshape([sequences, tokens, heads, width / heads]);
      const mixed = nn.dotProductAttention(project('q'), project('k'), project('v'), { isCausal: true });
      normed.dispose();
      h = h.add(np.matmul(mixed.reshape([sequences, tokens, width]), weight(`o${layer}`)));
      const inner = nn.gelu(np.matmul(norm(h.ref, 'between', layer), weight(`up${layer}`)));
      h = h.add(np.matmul(inner, weight(`down${layer}`)));
    }
    const last = nn.standardize(h, -1).mul(weight('gain')).add(weight('bias'));
    const logits = np.matmul(last, np.transpose(weight('wte')));
    // Its take_along_axis has no gradient under jit, and its one-hot makes a [V, V] matrix.
    const isTarget = y.reshape([sequences, tokens, 1]).equal(np.arange(vocabulary).reshape([1, 1, vocabulary]));
    return np
      .where(isTarget, nn.logSoftmax(logits, -1), 0)
      .sum()
      .mul(-1 / (sequences * tokens));
  };
}

/** Adam within the traced step, so that jit may fuse it. */
function adam({ numpy: np, tree }: JaxJs, p: Tree, gradients: Tree, state: State): [Tree, State] {
  const count = state.count.add(1);
  const correction = (beta: number): Value => np.array([1]).sub(np.exp(count.ref.mul(Math.log(beta))));
  const [c1, c2] = [correction(ADAM.beta1), correction(ADAM.beta2)];
  const first = tree.map((m, g) => m!.mul(ADAM.beta1).add(g!.mul(1 - ADAM.beta1)), state.first, tree.ref(gradients));
  const second = tree.map((v, g) => v!.mul(ADAM.beta2).add(np.square(g!).mul(1 - ADAM.beta2)), state.second, gradients);
  const updated = tree.map(
    (w, m, v) =>
      w!.sub(
        m!
          .div(c1.ref)
          .mul(ADAM.lr)
          .div(np.sqrt(v!.div(c2.ref)).add(ADAM.eps)),
      ),
    p,
    tree.ref(first),
    tree.ref(second),
  );
  c1.dispose();
  c2.dispose();
  return [updated, { count, first, second }];
}
