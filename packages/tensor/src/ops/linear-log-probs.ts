import { ToolError } from '../errors.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { pooledBytes } from '../gpu/buffer-pool.ts';
import { LOGITS_GRADIENT, planLogitsGradient, planLogProbsUpdate } from '../kernels/linear-log-probs.wgsl.ts';
import { planLogProbsTiles } from '../kernels/log-probs-tiles.wgsl.ts';
import type { WeightFormat } from '../kernels/matmul-spec.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { bindable } from './launch-elementwise.ts';
import { launchMatmul } from './launch-matmul.ts';
import { launchPlan } from './launch-plan.ts';
import {
  blockInputs,
  blockRows,
  blockSizes,
  blocksOfInputs,
  listBlocks,
  type MatrixBlocks,
  narrowArray,
  type QuantizedBlockSizes,
  quantizedArrays,
  referenceMatrix,
  releaseRows,
} from './matrix-blocks.ts';
import type { QuantizedMatrix } from './quantized-matrix.ts';
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
  /** How to read quantised weights. */
  readonly quantized?: QuantizedBlockSizes | undefined;
}

/** Columns of the matrix of logits that are made at a time: rows of one block of the weight. */
interface Chunk {
  readonly block: number;
  /** First row within the block; a multiple of 128, so that the rows of every format begin where a binding may. */
  readonly first: number;
  /** The same in the vocabulary. */
  readonly start: number;
  readonly width: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** How rows and vocabulary are cut. Rows start at multiples of 64, for bindings. */
interface Blocks {
  readonly rows: readonly { readonly start: number; readonly count: number }[];
  readonly chunks: readonly Chunk[];
  /** Elements of the largest block. */
  readonly elements: number;
}

function blocksOf(
  rows: number,
  weightRows: readonly number[],
  limit: number | undefined,
  adapterClass: AdapterClass,
): Blocks {
  const vocabulary = weightRows.reduce((sum, count) => sum + count, 0);
  const logits = rows * vocabulary;
  const fewBlocks = Math.min(2 ** 20, Math.max(2 ** 18, logits / 8));
  const budget = limit ?? Math.min(2 ** 24, Math.max(fewBlocks, Math.ceil(logits / 16)));
  const multiple = (value: number, of: number): number => Math.max(of, Math.floor(value / of) * of);
  // Wide chunks first: they keep the number of partial softmaxes small. With few rows a GPU wants them wider still, to
  // fill it; on a CPU what a chunk leaves should stay in cache (64 rows by 16,384 took 1.4 times as long as by 1,024).
  const fewRows = adapterClass === 'gpu' ? Math.min(1024, rows) : 1024;
  const most = multiple(Math.min(vocabulary + 127, Math.max(1024, budget / fewRows)), 128);
  const width = Math.min(Math.max(...weightRows), most);
  const count = Math.min(rows, multiple(budget / width, 64));
  const chunks: Chunk[] = [];
  let start = 0;
  weightRows.forEach((blockHeight, block) => {
    for (let first = 0; first < blockHeight; first += width) {
      const own = Math.min(width, blockHeight - first);
      chunks.push({ block, first, start, width: own, isFirst: start === 0, isLast: start + own === vocabulary });
      start += own;
    }
  });
  const rowBlocks = [];
  for (let first = 0; first < rows; first += count)
    rowBlocks.push({ start: first, count: Math.min(count, rows - first) });
  return { rows: rowBlocks, chunks, elements: width * count };
}

/** Rows start..start+count-1 of a plain tensor, as a handle to dispose. */
function rowsOf(tensor: Tensor, start: number, count: number): Tensor {
  const width = tensor.size / tensor.shape[0]!;
  return tensor.view([count, ...tensor.shape.slice(1)], tensor.strides, tensor.offset + start * width);
}

/** hidden and targets, and the inputs that are the weight in between. */
function partsOf<T>(inputs: readonly T[]): [hidden: T | undefined, weights: T[], targets: T | undefined] {
  return [inputs[0], inputs.slice(1, -1), inputs[inputs.length - 1]];
}

/** Blocks that kernels can bind, with what was copied for that. */
function bindableBlocks(inputs: readonly Tensor[], quantized: QuantizedBlockSizes | undefined): Held {
  const sources = inputs.map(bindable);
  return {
    blocks: blocksOfInputs(sources, quantized),
    release: () => {
      for (const [i, source] of sources.entries()) if (source !== inputs[i]) source.dispose();
    },
  };
}

interface Held {
  readonly blocks: MatrixBlocks;
  release(): void;
}

/** Records the forward pass with logits that stay in registers. */
function launchTiles(
  [hidden, weights, targets]: [Tensor, Tensor[], Tensor],
  results: readonly Tensor[],
  { temperature, quantized }: LinearLogProbsAttrs,
): void {
  const { rows, columns } = blockSizes('linearLogProbs', weights, quantized);
  const present = rows.map((count, i) => ({ count, i })).filter(({ count }) => count > 0);
  const plan = planLogProbsTiles(
    hidden.shape[0]!,
    present.map(({ count }) => count),
    columns,
    { alpha: 1 / temperature, format: quantized?.format ?? (weights[0]!.dtype as WeightFormat) },
  );
  const [logp, entropy, lse] = results as [Tensor, Tensor, Tensor];
  const operands = present.map(({ i }) => (quantized === undefined ? [weights[i]!] : weights.slice(2 * i, 2 * i + 2)));
  if (plan.combine === undefined) {
    launchPlan(plan.tiles[0]!, [hidden, ...operands[0]!, targets], [logp, entropy, lse]);
    return;
  }
  const parts = Tensor.empty(hidden.device, [plan.partElements], 'f32', 'tensor/linear-log-probs/parts');
  plan.tiles.forEach((tiles, i) => {
    launchPlan(tiles, [hidden, ...operands[i]!, targets], [logp, parts]);
  });
  launchPlan(plan.combine, [parts], [logp, entropy, lse]);
  parts.dispose();
}

export const linearLogProbsOp: OpDef<LinearLogProbsAttrs> = {
  name: 'linearLogProbs',
  integerInputs: [2],
  // The shape rule looks at the types: a weight may be of any format, hidden states are f32.
  anyDtype: true,
  dtypes: ['f32', 'f16', 'bf16'],
  doc: 'log-probability of a target and entropy of softmax(h W^T / temperature) per row, without the matrix of logits; outputs logp, entropy, lse [N]',
  differentiableOutputs: 2,
  tolerance: 'fused',
  infer: (inputs, { temperature, quantized }) => {
    const [hidden, weights, targets] = partsOf(inputs);
    const { rows, columns } = blockSizes('linearLogProbs', weights, quantized);
    const fits =
      hidden?.dtype === 'f32' &&
      hidden.shape.length === 2 &&
      hidden.shape[1] === columns &&
      targets?.dtype === 'u32' &&
      targets.shape.length === 1 &&
      targets.shape[0] === hidden.shape[0];
    if (!fits || !(temperature > 0) || rows.every((count) => count === 0)) {
      throw new ToolError('shape', {
        op: 'linearLogProbs',
        expected: 'f32 hidden [N, D], weight [V, D] with V >= 1, targets u32 [N] and a temperature above 0',
        got: `${inputs.map(({ shape, dtype }) => `${dtype} ${formatShape(shape)}`).join(', ')}, ${temperature}`,
      });
    }
    const spec = { shape: [hidden.shape[0]!], dtype: 'f32' as const };
    return [spec, spec, spec];
  },
  run: (inputs, [out], attrs) => {
    const [hidden, weights, targets] = partsOf(inputs) as [Tensor, Tensor[], Tensor];
    const { temperature, blockElements, quantized } = attrs;
    const device = hidden.device;
    const [logp, entropy, lse] = ['logp', 'entropy', 'lse'].map((name) =>
      Tensor.empty(device, out!.shape, 'f32', `tensor/linear-log-probs/${name}`),
    ) as [Tensor, Tensor, Tensor];
    if (logp.size === 0) return [logp, entropy, lse];
    if (device.adapterClass === 'cpu' && blockElements === undefined) {
      launchTiles([hidden, weights, targets], [logp, entropy, lse], attrs);
      return [logp, entropy, lse];
    }
    const weightRows = blockSizes('linearLogProbs', weights, quantized).rows;
    const cuts = blocksOf(out!.shape[0]!, weightRows, blockElements, device.adapterClass);
    const sources = [hidden, targets].map(bindable) as [Tensor, Tensor];
    const held = bindableBlocks(weights, quantized);
    const scratch = Tensor.empty(device, [cuts.elements], 'f32', 'tensor/linear-log-probs/block');
    const state = Tensor.empty(device, [3, cuts.rows[0]!.count], 'f32', 'tensor/linear-log-probs/state');
    for (const { start, count } of cuts.rows) {
      const [rows, ids, ...results] = [...sources, logp, entropy, lse].map((tensor) => rowsOf(tensor, start, count));
      for (const chunk of cuts.chunks) {
        const part = blockRows(held.blocks[chunk.block]!, chunk.first, chunk.width);
        const logits = scratch.view([count, chunk.width], [chunk.width, 1], 0);
        launchMatmul(logits, rows!, part, { transA: false, transB: true, alpha: 1 / temperature });
        launchPlan(planLogProbsUpdate(count, chunk, device.adapterClass), [logits, ids!], [state, ...results]);
        releaseRows(part);
        logits.dispose();
      }
      for (const tensor of [rows!, ids!, ...results]) tensor.dispose();
    }
    held.release();
    for (const tensor of [scratch, state, ...sources.filter((source, i) => source !== [hidden, targets][i])])
      tensor.dispose();
    return [logp, entropy, lse];
  },
  reference: (inputs, { temperature, quantized }) => {
    const [hidden, weights, targets] = partsOf(inputs);
    const w = referenceMatrix(weights, quantized);
    const [rows, width] = hidden!.shape as [number, number];
    const vocabulary = w.shape[0]!;
    const [logp, entropy, lse] = [new Float64Array(rows), new Float64Array(rows), new Float64Array(rows)];
    for (let n = 0; n < rows; n++) {
      const logits = Array.from({ length: vocabulary }, (_, v) => {
        let total = 0;
        for (let d = 0; d < width; d++) total += hidden!.data[n * width + d]! * w.data[v * width + d]!;
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
    ...(['f16', 'bf16'] as const).map((dtype, i) => ({
      name: `a weight in ${dtype}`,
      inputs: [normalArray(176, [5, 7 + i]), narrowArray(177, [30, 7 + i], dtype), indexArray(178, [5], 30)],
      attrs: { temperature: 0.9 },
    })),
    ...(['q8_0', 'q4_0', 'nf4'] as const).map((format) => ({
      name: `a weight in ${format}`,
      inputs: [normalArray(179, [3, 64], 0.3), ...quantizedArrays(180, [40, 64], format), indexArray(181, [3], 40)],
      attrs: { temperature: 1, quantized: { format, rows: [40], columns: 64 } },
      constant: [1, 2, 3],
    })),
    {
      name: 'a weight in row blocks, by blocks of logits',
      inputs: [
        normalArray(182, [70, 5]),
        normalArray(183, [130, 5]),
        normalArray(184, [0, 5]),
        normalArray(185, [261, 5]),
        normalArray(186, [3, 5]),
        indexArray(187, [70], 394),
      ],
      attrs: { temperature: 1.1, blockElements: 64 * 128 },
    },
    ...([undefined, 64 * 128] as const).map((blockElements) => ({
      name: `quantised row blocks${blockElements === undefined ? '' : ', by blocks of logits'}`,
      inputs: [
        normalArray(188, [9, 32], 0.5),
        ...quantizedArrays(189, [131, 32], 'q8_0'),
        ...quantizedArrays(190, [20, 32], 'q8_0'),
        indexArray(191, [9], 151),
      ],
      attrs: {
        temperature: 0.8,
        quantized: { format: 'q8_0' as const, rows: [131, 20], columns: 32 },
        ...(blockElements === undefined ? {} : { blockElements }),
      },
      constant: [1, 2, 3, 4, 5],
    })),
    {
      name: 'a weight in row blocks',
      inputs: [
        normalArray(192, [11, 8]),
        normalArray(193, [40, 8]),
        normalArray(194, [1030, 8]),
        indexArray(195, [11], 1070),
      ],
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
 * Log-probabilities of targets under softmax(hidden weight^T / temperature), with the entropies. hidden [N, D] in
 * f32, targets u32 [N]. The matrix of logits [N, V] never exists: `linearLogProbsBytes` tells what does.
 *
 * @param weight [V, D] in f32, f16, bf16 or quantised, or the row blocks of such a matrix where it is larger than
 *   a storage binding. The gradient goes to float weights, and through all of them to the hidden states.
 */
export function linearLogProbs(
  hidden: Tensor,
  weight: Tensor | QuantizedMatrix | MatrixBlocks,
  targets: Tensor,
  temperature = 1,
): LogProbs {
  const { inputs, quantized } = blockInputs('linearLogProbs', listBlocks(weight));
  const [logp, entropy] = applyOp(linearLogProbsOp, [hidden, ...inputs, targets], { temperature, quantized });
  return { logp: logp!, entropy: entropy! };
}

/**
 * Bytes of GPU memory that `linearLogProbs` takes for a while beside its inputs, results and gradients, as the pool
 * rounds them. With a weight in several blocks of `weightRows`.
 */
export function linearLogProbsBytes(
  rows: number,
  weightRows: readonly number[],
  adapterClass: AdapterClass,
): { readonly forward: number; readonly backward: number } {
  const present = weightRows.filter((count) => count > 0);
  const { elements, rows: rowBlocks } = blocksOf(rows, present, undefined, adapterClass);
  const block = pooledBytes(4 * elements);
  if (adapterClass === 'gpu') return { forward: block + pooledBytes(12 * rowBlocks[0]!.count), backward: block };
  const { partElements } = planLogProbsTiles(rows, present, 4, { alpha: 1, format: 'f32' });
  return { forward: partElements === 0 ? 0 : pooledBytes(4 * partElements), backward: block };
}

/** What the backward pass recomputes from and writes to. */
export interface LinearLogProbsGradientBuffers {
  readonly hidden: Tensor;
  /** As the inputs of the op are. */
  readonly weights: readonly Tensor[];
  readonly targets: Tensor;
  readonly entropy: Tensor;
  readonly lse: Tensor;
  readonly dLogp: Tensor;
  readonly dEntropy: Tensor;
  /** Overwritten, [N, D]; absent if not needed. */
  readonly dHidden: Tensor | undefined;
  /** Added to, one for each block of a float weight, in f32; absent where not needed. */
  readonly dWeights: readonly (Tensor | undefined)[];
}

/** Recomputes the logits block by block and accumulates the gradients. Not seen by autograd. */
export function launchLinearLogProbsGradient(buffers: LinearLogProbsGradientBuffers, attrs: LinearLogProbsAttrs): void {
  const { dHidden, dWeights, weights } = buffers;
  const device = buffers.hidden.device;
  const originals = [buffers.hidden, buffers.targets, buffers.lse, buffers.entropy, buffers.dLogp, buffers.dEntropy];
  const sources = originals.map(bindable);
  const [hidden, ...vectors] = sources as [Tensor, ...Tensor[]];
  const held = bindableBlocks(weights, attrs.quantized);
  const { rows: weightRows } = blockSizes('linearLogProbs', weights, attrs.quantized);
  const cuts = blocksOf(hidden.shape[0]!, weightRows, attrs.blockElements, device.adapterClass);
  const scratch = Tensor.empty(device, [cuts.elements], 'f32', 'tensor/linear-log-probs/block');
  const alpha = 1 / attrs.temperature;
  for (const { start, count } of cuts.rows) {
    const rows = rowsOf(hidden, start, count);
    const parts = vectors.map((vector) => rowsOf(vector, start, count));
    const dRows = dHidden && rowsOf(dHidden, start, count);
    for (const chunk of cuts.chunks) {
      const w = blockRows(held.blocks[chunk.block]!, chunk.first, chunk.width);
      const logits = scratch.view([count, chunk.width], [chunk.width, 1], 0);
      const product = { transA: false, transB: true, alpha };
      if (w instanceof Tensor) {
        const fused = { ...LOGITS_GRADIENT, tensors: parts, firstColumn: chunk.start };
        launchMatmul(logits, rows, w, { ...product, fused });
      } else {
        launchMatmul(logits, rows, w, product);
        launchPlan(planLogitsGradient(count, chunk), parts, [logits]);
      }
      if (dRows)
        launchMatmul(dRows, logits, w, {
          transA: false,
          transB: false,
          alpha,
          epilogue: chunk.isFirst ? 'none' : 'accumulate',
        });
      const dWeight = dWeights[chunk.block];
      if (dWeight) {
        const dw = rowsOf(dWeight, chunk.first, chunk.width);
        launchMatmul(dw, logits, rows, { transA: true, transB: false, alpha, epilogue: 'accumulate' });
        dw.dispose();
      }
      releaseRows(w);
      logits.dispose();
    }
    for (const tensor of [rows, ...parts, ...(dRows ? [dRows] : [])]) tensor.dispose();
  }
  held.release();
  for (const tensor of [scratch, ...sources.filter((source, i) => source !== originals[i])]) tensor.dispose();
}
