import {
  add,
  bindable,
  blocksOfInputs,
  type LinearBlocksAttrs,
  launchMatmul,
  matmul,
  quantizedMatmul,
  slice,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import type { Gradient, InputGradients, TotalGradient } from '../gradient.ts';

/**
 * y = x W^T + extra with W in row blocks: dx = sum over blocks of dy[:, block] W_block, dW_block = dy[:, block]^T x.
 * The columns of dy are read where they lie, and the sum over blocks is the matmuls' own epilogue.
 */
export const linearBlocksGradient: Gradient<LinearBlocksAttrs> = {
  fused: true,
  apply: ({ dy, inputs, attrs, needs, into, earlier }) => {
    const d = dy[0]!;
    const x = inputs[0]!;
    const weights = weightInputs(inputs, attrs);
    const blocks = blocksOfInputs(weights, attrs.quantized);
    const plain = bindable(d);
    const columns = columnsOf(blocks).map(({ first, count }) =>
      plain.view([d.shape[0]!, count], plain.strides, plain.offset + first),
    );
    const found: (Tensor | TotalGradient | 'added' | undefined)[] = inputs.map(() => undefined);
    if (needs[0]) {
      const before = earlier(0);
      const dx = Tensor.empty(d.device, x.shape, 'f32', 'autograd/linear/dx');
      blocks.forEach((block, i) => {
        const epilogue = i > 0 ? 'accumulate' : before === undefined ? 'none' : 'residual';
        const extra = epilogue === 'residual' ? { extra: before! } : {};
        launchMatmul(dx, columns[i]!, block, { transA: false, transB: false, epilogue, ...extra });
      });
      found[0] = before === undefined ? dx : { total: dx };
    }
    if (attrs.quantized === undefined) {
      weights.forEach((weight, i) => {
        const destination = into(1 + i);
        if (destination === undefined && !needs[1 + i]) return;
        const dw = destination ?? Tensor.empty(d.device, weight.shape, 'f32', 'autograd/linear/dw');
        const epilogue = destination === undefined ? 'none' : 'accumulate';
        launchMatmul(dw, columns[i]!, x, { transA: true, transB: false, epilogue });
        found[1 + i] = destination === undefined ? dw : 'added';
      });
    }
    for (const view of columns) view.dispose();
    if (plain !== d) plain.dispose();
    return withExtra(found, d, attrs, needs);
  },
  composed: ({ dy, inputs, attrs, needs }) => {
    const d = dy[0]!;
    const x = inputs[0]!;
    const weights = weightInputs(inputs, attrs);
    const blocks = blocksOfInputs(weights, attrs.quantized);
    const parts = columnsOf(blocks).map(({ first, count }) => slice(d, 1, first, first + count));
    const found: (Tensor | undefined)[] = inputs.map(() => undefined);
    if (needs[0]) {
      found[0] = blocks
        .map((block, i) =>
          block instanceof Tensor ? matmul(parts[i]!, block) : quantizedMatmul(parts[i]!, block, { transB: false }),
        )
        .reduce((a, b) => add(a, b));
    }
    if (attrs.quantized === undefined) {
      weights.forEach((_, i) => {
        if (needs[1 + i]) found[1 + i] = matmul(parts[i]!, x, { transA: true });
      });
    }
    return withExtra(found, d, attrs, needs);
  },
};

function weightInputs(inputs: readonly Tensor[], { extra }: LinearBlocksAttrs): readonly Tensor[] {
  return inputs.slice(1, extra === 'none' ? inputs.length : -1);
}

/** The columns of the result that each block has. */
function columnsOf(blocks: ReturnType<typeof blocksOfInputs>): { first: number; count: number }[] {
  let end = 0;
  return blocks.map((block) => {
    const count = block instanceof Tensor ? block.shape[0]! : block.rows;
    end += count;
    return { first: end - count, count };
  });
}

/** Adds the gradient of the bias or the residual, the last input. */
function withExtra(
  found: InputGradients,
  d: Tensor,
  { extra }: LinearBlocksAttrs,
  needs: readonly boolean[],
): InputGradients {
  const last = found.length - 1;
  if (extra === 'none' || !needs[last]) return found;
  return [...found.slice(0, last), extra === 'bias' ? sum(d, { axes: [0] }) : d];
}
