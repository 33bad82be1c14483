export {
  type DecoderConfig,
  decoderConfigToJson,
  type ModelType,
  parseDecoderConfig,
  type RopeScaling,
  type StoredDType,
} from './config/decoder-config.ts';
export {
  type GenerationConfig,
  generationConfigToJson,
  parseGenerationConfig,
  type SamplingDefaults,
  samplingDefaults,
} from './config/generation-config.ts';
export { type Attend, DecoderModel, type DecoderOptions, type LoadOptions } from './decoder/decoder-model.ts';
export { parameterCount, weightSpecs } from './decoder/weight-specs.ts';
export { knownModel, knownModelIds } from './families/known-models.ts';
export { CachedSequences, type RowCopy } from './generate/cached-sequences.ts';
export { CompletionText } from './generate/completion-text.ts';
export {
  type CacheDType,
  type FinishReason,
  type GeneratedSample,
  type GeneratedToken,
  type GenerateOptions,
  type GenerateRequest,
  type GenerateText,
  generate,
} from './generate/generate.ts';
export { Sequence } from './generate/sequence.ts';
export type { ByteSink, ByteSource, DirectorySink, ModelFiles } from './io/byte-source.ts';
export { checkValues } from './io/check-values.ts';
export { memoryFiles, memorySource } from './io/memory-files.ts';
export { type OpenModel, type OpenModelOptions, openModel } from './io/open-model.ts';
export { type RawChunk, SafetensorsFile, type TensorChunk } from './io/safetensors.ts';
export type { SafetensorsDType, TensorEntry } from './io/safetensors-header.ts';
export { safetensorsSize, writeSafetensors } from './io/safetensors-writer.ts';
export { modelSideFiles, readSideFiles, type SideFiles } from './io/side-files.ts';
export {
  describeJson,
  isJsonObject,
  type JsonObject,
  parseStrictJson,
  parseStrictJsonObject,
  type StrictJsonOptions,
} from './io/strict-json.ts';
export type { FloatDType, TensorSource } from './io/tensor-source.ts';
export { WeightIndex } from './io/weight-index.ts';
export { type ModelContents, modelSize, writeModel } from './io/write-model.ts';
export { type TokenLogProbsOptions, tokenLogProbs } from './nn/log-probs.ts';
export { LoraAdapters, type LoraOptions } from './nn/lora.ts';
export type { LoraShape } from './nn/lora-placement.ts';
export { type PackedBatch, packSequences } from './nn/packed-batch.ts';
export { ScalarHead } from './nn/scalar-head.ts';
export { type AdapterConfig, parseAdapterConfig } from './peft/adapter-config.ts';
export { adapterUpdates, type LowRankUpdate, type LowRankUpdates, mergedTensors } from './peft/merge-adapter.ts';
export { ADAPTER_FILE, fitAdapter, type OpenAdapter, openAdapter, PEFT_PREFIX } from './peft/open-adapter.ts';
export { type AdapterContents, adapterSize, writeAdapter } from './peft/write-adapter.ts';
export { type ChatMessage, type ChatTemplateOptions, renderChatTemplate } from './tokenizer/chat-template.ts';
export {
  type ChatTrainingOptions,
  chatTrainingIds,
  type TrainedTurns,
  type TrainingIds,
} from './tokenizer/chat-training-ids.ts';
export { type RenderChatOptions, renderChat, turnEndId } from './tokenizer/render-chat.ts';
export { StreamingDecoder } from './tokenizer/streaming-decoder.ts';
export {
  checkTokenizerFits,
  type DecodeOptions,
  type EncodeOptions,
  loadTokenizer,
  type Tokenizer,
} from './tokenizer/tokenizer.ts';
export type { TokenizerFiles } from './tokenizer/tokenizer-files.ts';
export { makeWordLevelTokenizer, type WordLevelOptions } from './tokenizer/word-level.ts';
export { type BaseWeights, type MatrixBlocks, WEIGHT_FORMATS, type WeightSpec } from './weights/base-weights.ts';
export { FrozenWeights } from './weights/frozen-weights.ts';
export type { LoadProgress, WantedFormat } from './weights/load-weights.ts';
export { ParameterWeights } from './weights/parameter-weights.ts';
export { weightsMemory } from './weights/weights-memory.ts';
