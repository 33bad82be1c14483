import { ToolError } from '../errors.ts';
import { LOGITS_GRADIENT, planLogProbsUpdate } from '../kernels/linear-log-probs.wgsl.ts';
import { planLogProbsTiles } from '../kernels/log-probs-tiles.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { bindable } from './launch-elementwise.ts';
import { launchMatmul } from './launch-matmul.ts';
import { launchPlan } from './launch-plan.ts';
import { indexArray, normalArray, refArray } from './reference.ts';

/** The temperature, and the size of the blocks that logits are computed in. */
export interface LinearLogProbsAttrs {
  /** Logits are divided by it. */
  readonly temperature: number;
  /**
   * Most elements of a block of logits. Default: an eighth of all logits, but 1 to 4 MiB; or a 16th where that
   * is more. With a number, the forward pass goes by blocks on every adapter.
   */
  readonly blockElements?: number;
}

/** How rows and vocabulary are cut: every block starts at a multiple of 64, which bindings need. */
interface Blocks {
  readonly rows: readonly { readonly start: number; readonly count: number }[];
  readonly chunks: readonly {
    readonly start: number;
    readonly width: number;
    readonly isFirst: boolean;
    readonly isLast: boolean;
  }[];
  /** Elements of the largest block. */
  readonly elements: number;
}

function blocksOf(rows: number, vocabulary: number, limit: number | undefined): Blocks {
  const logits = rows * vocabulary;
  const fewBlocks = Math.min(2 ** 20, Math.max(2 ** 18, logits / 8));
  const budget = limit ?? Math.min(2 ** 24, Math.max(fewBlocks, Math.ceil(logits / 16)));
  const multiple = (value: number): number => Math.max(64, Math.floor(value / 64) * 64);
  // Wide chunks first: they keep the number of partial softmaxes small.
  const width = Math.min(vocabulary, multiple(Math.min(vocabulary + 63, Math.max(1024, budget / 1024))));
  const count = Math.min(rows, multiple(budget / width));
  const chunks = [];
  for (let start = 0; start < vocabulary; start += width) {
    const isLast = start + width >= vocabulary;
    chunks.push({ start, width: Math.min(width, vocabulary - start), isFirst: start === 0, isLast });
  }
  const rowBlocks = [];
  for (let start = 0; start < rows; start += count) rowBlocks.push({ start, count: Math.min(count, rows - start) });
  return { rows: rowBlocks, chunks, elements: width * count };
}

/** Rows start..start+count-1 of a plain tensor, as a handle to dispose. */
function rowsOf(tensor: Tensor, start: number, count: number): Tensor {
  const width = tensor.size / tensor.shape[0]!;
  return tensor.view([count, ...tensor.shape.slice(1)], tensor.strides, tensor.offset + start * width);
}

/** Records the forward pass with logits that stay in registers. */
function launchTiles(inputs: readonly Tensor[], [logp, entropy, lse]: readonly Tensor[], alpha: number): void {
  const [hidden, weight] = inputs;
  const plan = planLogProbsTiles(hidden!.shape[0]!, weight!.shape[0]!, hidden!.shape[1]!, alpha);
  if (plan.combine === undefined) {
    launchPlan(plan.tiles, inputs, [logp!, entropy!, lse!]);
    return;
  }
  const parts = Tensor.empty(hidden!.device, [plan.partElements], 'f32', 'tensor/linear-log-probs/parts');
  launchPlan(plan.tiles, inputs, [logp!, parts]);
  launchPlan(plan.combine, [parts], [logp!, entropy!, lse!]);
  parts.dispose();
}

export const linearLogProbsOp: OpDef<LinearLogProbsAttrs> = {
  name: 'linearLogProbs',
  integerInputs: [2],
  doc: 'log-probability of a target and entropy of softmax(h W^T / temperature) per row, without the matrix of logits; outputs logp, entropy, lse [N]',
  differentiableOutputs: 2,
  tolerance: 'fused',
  infer: ([hidden, w, targets], { temperature }) => {
    const fits =
      hidden!.shape.length === 2 &&
      w!.shape.length === 2 &&
      hidden!.shape[1] === w!.shape[1] &&
      targets!.shape[0] === hidden!.shape[0];
    if (!fits || targets!.dtype !== 'u32' || !(temperature > 0) || w!.shape[0] === 0) {
      throw new ToolError('shape', {
        op: 'linearLogProbs',
        expected: 'hidden [N, D], weight [V, D] with V >= 1, targets u32 [N] and a temperature above 0',
        got: `${formatShape(hidden!.shape)}, ${formatShape(w!.shape)}, ${targets!.dtype} ${formatShape(targets!.shape)}, ${temperature}`,
      });
    }
    const spec = { shape: [hidden!.shape[0]!], dtype: 'f32' as const };
    return [spec, spec, spec];
  },
  run: ([hidden, w, targets], [out], { temperature, blockElements }) => {
    const device = hidden!.device;
    const [logp, entropy, lse] = ['logp', 'entropy', 'lse'].map((name) =>
      Tensor.empty(device, out!.shape, 'f32', `tensor/linear-log-probs/${name}`),
    ) as [Tensor, Tensor, Tensor];
    if (logp.size === 0) return [logp, entropy, lse];
    if (device.adapterClass === 'cpu' && blockElements === undefined) {
      launchTiles([hidden!, w!, targets!], [logp, entropy, lse], 1 / temperature);
      return [logp, entropy, lse];
    }
    const blocks = blocksOf(out!.shape[0]!, w!.shape[0]!, blockElements);
    const sources = [hidden!, w!, targets!].map(bindable) as [Tensor, Tensor, Tensor];
    const scratch = Tensor.empty(device, [blocks.elements], 'f32', 'tensor/linear-log-probs/block');
    const state = Tensor.empty(device, [3, blocks.rows[0]!.count], 'f32', 'tensor/linear-log-probs/state');
    for (const { start, count } of blocks.rows) {
      const [rows, ids, ...results] = [sources[0], sources[2], logp, entropy, lse].map((tensor) =>
        rowsOf(tensor, start, count),
      );
      for (const chunk of blocks.chunks) {
        const part = rowsOf(sources[1], chunk.start, chunk.width);
        const logits = scratch.view([count, chunk.width], [chunk.width, 1], 0);
        launchMatmul(logits, rows!, part, { transA: false, transB: true, alpha: 1 / temperature });
        launchPlan(planLogProbsUpdate(count, chunk, device.adapterClass), [logits, ids!], [state, ...results]);
        part.dispose();
        logits.dispose();
      }
      for (const tensor of [rows!, ids!, ...results]) tensor.dispose();
    }
    for (const tensor of [scratch, state, ...sources.filter((source, i) => source !== [hidden, w, targets][i])])
      tensor.dispose();
    return [logp, entropy, lse];
  },
  reference: ([hidden, w, targets], { temperature }) => {
    const [rows, width] = hidden!.shape as [number, number];
    const vocabulary = w!.shape[0]!;
    const [logp, entropy, lse] = [new Float64Array(rows), new Float64Array(rows), new Float64Array(rows)];
    for (let n = 0; n < rows; n++) {
      const logits = Array.from({ length: vocabulary }, (_, v) => {
        let total = 0;
        for (let d = 0; d < width; d++) total += hidden!.data[n * width + d]! * w!.data[v * width + d]!;
        return total / temperature;
      });
      const top = Math.max(...logits);
      lse[n] = top + Math.log(logits.reduce((a, l) => a + Math.exp(l - top), 0));
      logp[n] = logits[targets!.data[n]!]! - lse[n]!;
      entropy[n] = -logits.reduce((a, l) => a + Math.exp(l - lse[n]!) * (l - lse[n]!), 0);
    }
    return [refArray([rows], logp), refArray([rows], entropy), refArray([rows], lse)];
  },
  samples: () => [
    {
      name: 'one block',
      inputs: [normalArray(161, [9, 8]), normalArray(162, [20, 8]), indexArray(163, [9], 20)],
      attrs: { temperature: 1 },
    },
    {
      name: 'many blocks and chunks',
      inputs: [normalArray(164, [150, 16]), normalArray(165, [1300, 16], 0.5), indexArray(166, [150], 1300)],
      attrs: { temperature: 0.7, blockElements: 64 * 1024 },
    },
    {
      name: 'a vocabulary in stretches',
      inputs: [normalArray(173, [5, 6]), normalArray(174, [1100, 6]), indexArray(175, [5], 1100)],
      attrs: { temperature: 1.3 },
    },
    {
      name: 'large logits',
      inputs: [normalArray(167, [5, 4], 20), normalArray(168, [7, 4], 5), indexArray(169, [5], 7)],
      attrs: { temperature: 1 },
    },
    {
      name: 'no rows',
      inputs: [normalArray(170, [0, 4]), normalArray(171, [7, 4]), indexArray(172, [0], 7)],
      attrs: { temperature: 1 },
    },
  ],
  errors: () => [
    {
      name: 'temperature 0',
      inputs: [
        { shape: [2, 4], dtype: 'f32' },
        { shape: [3, 4], dtype: 'f32' },
        { shape: [2], dtype: 'u32' },
      ],
      attrs: { temperature: 0 },
      code: 'shape',
    },
  ],
};

/** What `linearLogProbs` gives, in f32. */
export interface LogProbs {
  /** Log-probability of each row's target, in nats. [N] */
  readonly logp: Tensor;
  /** Entropy of each row's distribution, in nats. [N] */
  readonly entropy: Tensor;
}

/**
 * Log-probabilities of targets under softmax(hidden weight^T / temperature), with the entropies.
 * hidden [N, D], weight [V, D], targets u32 [N]. The matrix of logits [N, V] never exists.
 */
export function linearLogProbs(hidden: Tensor, weight: Tensor, targets: Tensor, temperature = 1): LogProbs {
  const [logp, entropy] = applyOp(linearLogProbsOp, [hidden, weight, targets], { temperature });
  return { logp: logp!, entropy: entropy! };
}

/** What the backward pass recomputes from and writes to. */
export interface LinearLogProbsGradientBuffers {
  readonly hidden: Tensor;
  readonly weight: Tensor;
  readonly targets: Tensor;
  readonly entropy: Tensor;
  readonly lse: Tensor;
  readonly dLogp: Tensor;
  readonly dEntropy: Tensor;
  /** Overwritten, [N, D]; absent if not needed. */
  readonly dHidden: Tensor | undefined;
  /** Added to, [V, D]; absent if not needed. */
  readonly dWeight: Tensor | undefined;
}

/** Recomputes the logits block by block and accumulates the gradients. Not seen by autograd. */
export function launchLinearLogProbsGradient(buffers: LinearLogProbsGradientBuffers, attrs: LinearLogProbsAttrs): void {
  const { dHidden, dWeight } = buffers;
  const device = buffers.hidden.device;
  const originals = [
    buffers.hidden,
    buffers.weight,
    buffers.targets,
    buffers.lse,
    buffers.entropy,
    buffers.dLogp,
    buffers.dEntropy,
  ];
  const sources = originals.map(bindable);
  const [hidden, weight, ...vectors] = sources as [Tensor, Tensor, ...Tensor[]];
  const blocks = blocksOf(hidden.shape[0]!, weight.shape[0]!, attrs.blockElements);
  const scratch = Tensor.empty(device, [blocks.elements], 'f32', 'tensor/linear-log-probs/block');
  const alpha = 1 / attrs.temperature;
  for (const { start, count } of blocks.rows) {
    const rows = rowsOf(hidden, start, count);
    const parts = vectors.map((vector) => rowsOf(vector, start, count));
    const dRows = dHidden && rowsOf(dHidden, start, count);
    for (const chunk of blocks.chunks) {
      const w = rowsOf(weight, chunk.start, chunk.width);
      const logits = scratch.view([count, chunk.width], [chunk.width, 1], 0);
      const fused = { ...LOGITS_GRADIENT, tensors: parts, firstColumn: chunk.start };
      launchMatmul(logits, rows, w, { transA: false, transB: true, alpha, fused });
      if (dRows)
        launchMatmul(dRows, logits, w, {
          transA: false,
          transB: false,
          alpha,
          epilogue: chunk.isFirst ? 'none' : 'accumulate',
        });
      if (dWeight) {
        const dw = rowsOf(dWeight, chunk.start, chunk.width);
        launchMatmul(dw, logits, rows, { transA: true, transB: false, alpha, epilogue: 'accumulate' });
        dw.dispose();
      }
      w.dispose();
      logits.dispose();
    }
    for (const tensor of [rows, ...parts, ...(dRows ? [dRows] : [])]) tensor.dispose();
  }
  for (const tensor of [scratch, ...sources.filter((source, i) => source !== originals[i])]) tensor.dispose();
}
