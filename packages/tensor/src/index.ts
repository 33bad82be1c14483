// Gives tensors their methods.
import './tensor-methods.ts';

export { callSite } from './call-site.ts';
export { type DebugSettings, debug, setDebug } from './debug.ts';
export { defineOp, type ElementwiseForm, type LaunchContext, type OpDefinition } from './define-op.ts';
export { type DryAdapter, dryGpu } from './dry/dry-gpu.ts';
export { bytesPerElement, type DType, type HostArray, hostView, isFloat, promoteTypes } from './dtype.ts';
export { type ErrorCode, type ErrorDetail, ToolError } from './errors.ts';
export type { AdapterClass, AdapterDescription } from './gpu/adapter.ts';
export type { BufferPool, Storage } from './gpu/buffer-pool.ts';
export type { BufferBinding, DispatchRecord } from './gpu/command-list.ts';
export { Device, type DeviceCounters, type DeviceOptions } from './gpu/device.ts';
export type { DeviceState } from './gpu/device-health.ts';
export { type Kernel, type KernelBinding, type KernelParam, linearWorkgroups, type Workgroups } from './gpu/kernel.ts';
export type { LaunchPlan } from './gpu/launch-plan.ts';
export type { LaunchRecorder, RecordedLaunch } from './gpu/launch-recorder.ts';
export { formatMemory, type MemoryOwner, type MemoryReport } from './gpu/memory-report.ts';
export type { PipelineEntry } from './gpu/pipeline-cache.ts';
export { type SelfTestResult, selfTest } from './gpu/self-test.ts';
export type { SubgroupMatrixConfig, SubgroupMatrixSpelling } from './gpu/subgroup-matrix.ts';
export type { KernelTiming } from './gpu/timestamp-set.ts';
export type { Gradient, GradientContext, InputGradients, TotalGradient } from './gradient.ts';
export type { HeadArithmetic } from './kernels/attention-tile.wgsl.ts';
export {
  type CumulativeProductGradientSpec,
  planCumulativeProductGradient,
} from './kernels/cumulative-product-gradient.wgsl.ts';
export type { ElementwiseOperand } from './kernels/elementwise.wgsl.ts';
export type { ElementwiseExpression } from './kernels/elementwise-expression.ts';
export {
  type LayerNormGradientSpec,
  type LayerNormTotals,
  layerNormParts,
  planLayerNormGradient,
  planLayerNormTotals,
} from './kernels/layer-norm.wgsl.ts';
export type { ValueType } from './kernels/lib/element.wgsl.ts';
export { matmulCandidates } from './kernels/matmul-candidates.ts';
export { matmulCapabilities } from './kernels/matmul-capabilities.ts';
export { type MatmulChooser, setMatmulChooser } from './kernels/matmul-chooser.ts';
export { type MatmulPlan, planMatmul } from './kernels/matmul-plan.ts';
export type {
  FloatFormat,
  MatmulArithmetic,
  MatmulCandidate,
  MatmulCapabilities,
  MatmulEpilogue,
  MatmulFusion,
  MatmulSize,
  MatmulTile,
  MatmulVariant,
  SubgroupMatrix,
  WeightFormat,
} from './kernels/matmul-spec.ts';
export {
  dequantizeBlocks,
  type QuantizedBlocks,
  type QuantizedFormat,
  quantizationBound,
  quantizeBits,
  quantizeBlocks,
} from './kernels/quantize.ts';
export { planAddParts, planRmsNormGradient, type RmsNormGradientSpec, rmsNormParts } from './kernels/rms-norm.wgsl.ts';
export { planPackedSwigluGradient, planSwigluGradient } from './kernels/swiglu.wgsl.ts';
export {
  type AnyOpDef,
  applyOp,
  isObserved,
  type OpDef,
  type OpErrorSample,
  type OpObserver,
  type OpSample,
  type RefArray,
  type TensorSpec,
  withObserver,
  withoutObservers,
} from './op.ts';
export { type AffineAttrs, affine } from './ops/affine.ts';
export { argmax, argmin } from './ops/arg-reduce.ts';
export { type AttentionAttrs, attention, type Segments } from './ops/attention.ts';
export {
  type AttentionGradientInputs,
  type HeadNormGradients,
  launchAttentionGradient,
  launchHeadNormGradient,
  launchPackedAttentionGradient,
  type PackedAttentionGradientInputs,
} from './ops/attention-gradient.ts';
export {
  add,
  atan2,
  type Binary,
  type BinaryAttrs,
  divide,
  equal,
  floorDivide,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalOr,
  logicalXor,
  maximum,
  minimum,
  multiply,
  type NumberOperand,
  notEqual,
  type Operand,
  pow,
  remainder,
  subtract,
} from './ops/binary.ts';
export { type CastAttrs, cast } from './ops/cast.ts';
export { type ClampAttrs, clamp } from './ops/clamp.ts';
export { concat, stack } from './ops/concat.ts';
export { type CumulativeOptions, cumprod, cumsum } from './ops/cumulative.ts';
export { type DiagonalAttrs, diagonal } from './ops/diagonal.ts';
export { type DropoutAttrs, dropout } from './ops/dropout.ts';
export {
  type EmbeddingAttrs,
  embedding,
  groupTokens,
  scatterAddInto,
  scatterAddIntoBlocks,
  type TableBlock,
  type TokenGroups,
} from './ops/embedding.ts';
export { type GatherAttrs, gather } from './ops/gather.ts';
export { accumulateInto, copyInto, fill, full, ones, zeros } from './ops/in-place.ts';
export type { Indices } from './ops/index-input.ts';
export { indexSelect } from './ops/index-select.ts';
export { appendToCache, attendCache, type CacheRows, type KvCacheLayer } from './ops/kv-cache.ts';
export { bindable, launchElementwise } from './ops/launch-elementwise.ts';
export { type LaunchFusion, type LaunchMatmulAttrs, launchMatmul, type MatmulAttrs } from './ops/launch-matmul.ts';
export { launchPlan } from './ops/launch-plan.ts';
export type { ReduceOptions } from './ops/launch-reduce.ts';
export { layerNorm } from './ops/layer-norm.ts';
export { type EluAttrs, elu, type LeakyReluAttrs, leakyRelu } from './ops/leaky.ts';
export { type LinearOptions, linear } from './ops/linear.ts';
export type { LinearBlocksAttrs } from './ops/linear-blocks.ts';
export {
  type LinearLogProbsAttrs,
  type LinearLogProbsGradientBuffers,
  type LogProbs,
  launchLinearLogProbsGradient,
  linearLogProbs,
  linearLogProbsBytes,
} from './ops/linear-log-probs.ts';
export { addLowRank, type LowRankTerm } from './ops/low-rank.ts';
export { matmul } from './ops/matmul.ts';
export { blockHeights, blocksOfInputs, type MatrixBlocks, type QuantizedBlockSizes } from './ops/matrix-blocks.ts';
export { type MultinomialOptions, multinomial } from './ops/multinomial.ts';
export { type OneHotAttrs, oneHot } from './ops/one-hot.ts';
export { overwrite, overwriteBytes, overwriteRange } from './ops/overwrite.ts';
export {
  type HeadNorms,
  type PackedAttentionAttrs,
  type PackedAttentionOpAttrs,
  packedAttention,
  packedInputs,
} from './ops/packed-attention.ts';
export { type PadAttrs, type PadMode, type PadOptions, pad, place } from './ops/pad.ts';
export { type QuantizedMatmulAttrs, type QuantizedMatmulOptions, quantizedMatmul } from './ops/quantized-matmul.ts';
export {
  emptyQuantized,
  overwriteQuantized,
  type QuantizedMatrix,
  quantizeMatrix,
  uploadQuantized,
} from './ops/quantized-matrix.ts';
export { bernoulli, gumbel, normal, permutation, type RandomOptions, randint, uniform } from './ops/random.ts';
export { arange, eye, linspace } from './ops/ranges.ts';
export { read, readAll, readBits, readScalar } from './ops/read.ts';
export { all, any, countNonzero, logSumExp, max, mean, min, norm, prod, type Reduce, sum } from './ops/reduce.ts';
export { repeat, roll, tile } from './ops/repeat.ts';
export { rmsNorm } from './ops/rms-norm.ts';
export { type Rotary, rope, ropeTable } from './ops/rope.ts';
export { appendHistory, type Sampled, type SampleSettings, sample, type TokenHistory } from './ops/sample.ts';
export { indexAdd, type ScatterAttrs, scatter, scatterAdd } from './ops/scatter.ts';
export { flip, type SliceAttrs, select, slice, stridedSlice } from './ops/slice.ts';
export { logSoftmax, softmax } from './ops/softmax.ts';
export { argsort, type Sorted, type SortOptions, sort, type TopKOptions, topK } from './ops/sort.ts';
export { chunk, split, unbind } from './ops/split.ts';
export { packedSwiglu, swiglu } from './ops/swiglu.ts';
export { type TriangleAttrs, tril, triu } from './ops/triangle.ts';
export {
  abs,
  acos,
  asin,
  atan,
  ceil,
  cos,
  cosh,
  erf,
  erfc,
  exp,
  exp2,
  expm1,
  floor,
  gelu,
  geluTanh,
  isFinite,
  isInf,
  isNan,
  log,
  log1p,
  log2,
  logicalNot,
  logSigmoid,
  negate,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  sinh,
  softplus,
  sqrt,
  square,
  tan,
  tanh,
  trunc,
  type Unary,
} from './ops/unary.ts';
export { std, type VarianceOptions, variance } from './ops/variance.ts';
export { expand, permute, reshape, squeeze, transpose, unsqueeze } from './ops/view.ts';
export { type WhereAttrs, where } from './ops/where.ts';
export { type CompiledStep, compile } from './plan/compile.ts';
export { describePlan } from './plan/describe-plan.ts';
export type { FusionInfo, LaunchCost, MatmulInfo, OpaqueInfo, PointwiseInfo } from './plan/fusion-info.ts';
export type { Plan, PlanPasses, PlanPorts } from './plan/plan.ts';
export { toChromeTrace } from './profile/chrome-trace.ts';
export { formatProfile, type Profile, type ProfileRow, profile, profileRows } from './profile/profile.ts';
export { philox4x32, Rng, uniformFromWord } from './rng.ts';
export { Scalar, type ScalarLike, scalarValue } from './scalar.ts';
export { keep, scope, scopeAsync, tensorsIn } from './scope.ts';
export { broadcastShapes, contiguousStrides, formatShape, type Shape, sameShape, sizeOf } from './shape.ts';
export { Tensor } from './tensor.ts';
export type { TensorMethods } from './tensor-methods.ts';
export type { Draw } from './testing/draw.ts';
export type { ToleranceClass } from './testing/tolerance.ts';
export { formatNonFinite, type NonFiniteReport, traceNonFinite } from './trace-non-finite.ts';
export { type GateResult, gateDevice } from './tune/gate-device.ts';
export { gateMatmul, type MatmulLayout } from './tune/gate-matmul.ts';
export { matmulClass } from './tune/matmul-class.ts';
export { type TuneCase, type TuneOptions, type TuneResult, type TuneTime, tuneMatmul } from './tune/tune-matmul.ts';
export { type TuningOrigin, type TuningPick, TuningTable } from './tune/tuning-table.ts';
export { useTuning } from './tune/use-tuning.ts';
