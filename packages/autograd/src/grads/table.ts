import type { AnyGradient } from '../gradient.ts';
import { attentionGradient, packedAttentionGradient } from './attention.ts';
import { binaryGradients } from './binary.ts';
import { concatGradient } from './concat.ts';
import { cumprodGradient, cumsumGradient } from './cumulative.ts';
import { dropoutGradient } from './dropout.ts';
import {
  affineGradient,
  castGradient,
  clampGradient,
  eluGradient,
  leakyReluGradient,
  whereGradient,
} from './elementwise.ts';
import { embeddingGradient } from './embedding.ts';
import {
  gatherGradient,
  indexAddGradient,
  indexSelectGradient,
  scatterAddGradient,
  scatterGradient,
} from './gather.ts';
import { layerNormGradient } from './layer-norm.ts';
import { linearBlocksGradient } from './linear-blocks.ts';
import { linearLogProbsGradient } from './linear-log-probs.ts';
import { linearGradient, matmulGradient, quantizedMatmulGradient } from './matmul.ts';
import {
  logSumExpGradient,
  maxGradient,
  meanGradient,
  minGradient,
  normGradient,
  prodGradient,
  sumGradient,
  varianceGradient,
} from './reduce.ts';
import { rmsNormGradient } from './rms-norm.ts';
import { ropeGradient } from './rope.ts';
import { padGradient, sliceGradient } from './slice.ts';
import { logSoftmaxGradient, softmaxGradient } from './softmax.ts';
import { sortGradient } from './sort.ts';
import { packedSwigluGradient, swigluGradient } from './swiglu.ts';
import { diagonalGradient, trilGradient, triuGradient } from './triangle.ts';
import { unaryGradients } from './unary.ts';
import { expandGradient, permuteGradient, reshapeGradient } from './view.ts';

/** The gradient of each op, by the op's name. */
export const gradientTable: Readonly<Record<string, AnyGradient>> = {
  ...unaryGradients,
  ...binaryGradients,
  affine: affineGradient,
  attention: attentionGradient,
  cast: castGradient,
  clamp: clampGradient,
  elu: eluGradient,
  leakyRelu: leakyReluGradient,
  where: whereGradient,
  concat: concatGradient,
  diagonal: diagonalGradient,
  dropout: dropoutGradient,
  embedding: embeddingGradient,
  expand: expandGradient,
  gather: gatherGradient,
  indexAdd: indexAddGradient,
  indexSelect: indexSelectGradient,
  layerNorm: layerNormGradient,
  linear: linearGradient,
  linearBlocks: linearBlocksGradient,
  linearLogProbs: linearLogProbsGradient,
  logSoftmax: logSoftmaxGradient,
  matmul: matmulGradient,
  logSumExp: logSumExpGradient,
  max: maxGradient,
  mean: meanGradient,
  min: minGradient,
  packedAttention: packedAttentionGradient,
  packedSwiglu: packedSwigluGradient,
  pad: padGradient,
  permute: permuteGradient,
  quantizedMatmul: quantizedMatmulGradient,
  reshape: reshapeGradient,
  rmsNorm: rmsNormGradient,
  rope: ropeGradient,
  scatter: scatterGradient,
  scatterAdd: scatterAddGradient,
  slice: sliceGradient,
  softmax: softmaxGradient,
  sort: sortGradient,
  topK: sortGradient,
  norm: normGradient,
  prod: prodGradient,
  sum: sumGradient,
  variance: varianceGradient,
  cumprod: cumprodGradient,
  cumsum: cumsumGradient,
  swiglu: swigluGradient,
  tril: trilGradient,
  triu: triuGradient,
};
