import type { AnyOpDef } from '../op.ts';
import { affineOp } from './affine.ts';
import { argmaxOp, argminOp } from './arg-reduce.ts';
import { attentionOp } from './attention.ts';
import { binaryOps } from './binary.ts';
import { castOp } from './cast.ts';
import { clampOp } from './clamp.ts';
import { concatOp } from './concat.ts';
import { cumprodOp, cumsumOp } from './cumulative.ts';
import { diagonalOp } from './diagonal.ts';
import { dropoutOp } from './dropout.ts';
import { embeddingOp } from './embedding.ts';
import { gatherOp } from './gather.ts';
import { indexSelectOp } from './index-select.ts';
import { layerNormOp } from './layer-norm.ts';
import { eluOp, leakyReluOp } from './leaky.ts';
import { linearOp } from './linear.ts';
import { linearBlocksOp } from './linear-blocks.ts';
import { linearLogProbsOp } from './linear-log-probs.ts';
import { matmulOp } from './matmul.ts';
import { oneHotOp } from './one-hot.ts';
import { packedAttentionOp } from './packed-attention.ts';
import { padOp } from './pad.ts';
import { quantizedMatmulOp } from './quantized-matmul.ts';
import { reduceOps } from './reduce.ts';
import { rmsNormOp } from './rms-norm.ts';
import { ropeOp } from './rope.ts';
import { indexAddOp, scatterAddOp, scatterOp } from './scatter.ts';
import { sliceOp } from './slice.ts';
import { logSoftmaxOp, softmaxOp } from './softmax.ts';
import { sortOp, topKOp } from './sort.ts';
import { packedSwigluOp, swigluOp } from './swiglu.ts';
import { trilOp, triuOp } from './triangle.ts';
import { unaryOps } from './unary.ts';
import { varianceOp } from './variance.ts';
import { expandOp, permuteOp, reshapeOp } from './view.ts';
import { whereOp } from './where.ts';

/** Every op of the engine. The tests against the references and the gradient checks are generated from it. */
export const opTable: readonly AnyOpDef[] = [
  affineOp,
  argmaxOp,
  argminOp,
  attentionOp,
  ...Object.values(binaryOps),
  castOp,
  clampOp,
  concatOp,
  cumprodOp,
  cumsumOp,
  diagonalOp,
  dropoutOp,
  eluOp,
  embeddingOp,
  expandOp,
  gatherOp,
  indexAddOp,
  indexSelectOp,
  layerNormOp,
  logSoftmaxOp,
  leakyReluOp,
  linearOp,
  linearBlocksOp,
  linearLogProbsOp,
  matmulOp,
  packedAttentionOp,
  packedSwigluOp,
  oneHotOp,
  padOp,
  permuteOp,
  quantizedMatmulOp,
  ...Object.values(reduceOps),
  reshapeOp,
  rmsNormOp,
  ropeOp,
  scatterAddOp,
  scatterOp,
  sliceOp,
  softmaxOp,
  sortOp,
  swigluOp,
  topKOp,
  trilOp,
  triuOp,
  ...Object.values(unaryOps),
  varianceOp,
  whereOp,
];
