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
export { type Attend, DecoderModel, type DecoderOptions } from './decoder/decoder-model.ts';
export { type GeneratedSample, type GenerateOptions, type GenerateRequest, generate } from './generate/generate.ts';
export type { ByteSink, ByteSource, DirectorySink, ModelFiles } from './io/byte-source.ts';
export { type ModelContents, type OpenModel, openModel, writeModel } from './io/hf-layout.ts';
export { memoryFiles, memorySource } from './io/memory-files.ts';
export { type RawChunk, SafetensorsFile, type TensorChunk } from './io/safetensors.ts';
export type { SafetensorsDType, TensorEntry } from './io/safetensors-header.ts';
export { safetensorsSize, type TensorSource, writeSafetensors } from './io/safetensors-writer.ts';
export {
  describeJson,
  isJsonObject,
  type JsonObject,
  parseStrictJson,
  parseStrictJsonObject,
  type StrictJsonOptions,
} from './io/strict-json.ts';
export { WeightIndex } from './io/weight-index.ts';
export { type TokenLogProbsOptions, tokenLogProbs } from './nn/log-probs.ts';
export { LoraAdapters, type LoraOptions } from './nn/lora.ts';
export { type PackedBatch, packSequences } from './nn/packed-batch.ts';
export { ScalarHead } from './nn/scalar-head.ts';
export { type ChatMessage, type ChatTemplateOptions, renderChatTemplate } from './tokenizer/chat-template.ts';
export {
  checkTokenizerFits,
  type DecodeOptions,
  type EncodeOptions,
  loadTokenizer,
  type Tokenizer,
} from './tokenizer/tokenizer.ts';
export { readTokenizerFiles, type TokenizerFiles } from './tokenizer/tokenizer-files.ts';
export { makeWordLevelTokenizer, type WordLevelOptions } from './tokenizer/word-level.ts';
