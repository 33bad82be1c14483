import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeWordLevelTokenizer, parseDecoderConfig, type TensorSource, weightSpecs } from '@dawngrad/models';
import { saveModelDirectory } from '@dawngrad/models/node';
import { Rng } from '@dawngrad/tensor';

/** The published shape of Qwen2.5-0.5B: 494,032,768 weights. */
const QWEN_HALF_BILLION = {
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  vocab_size: 151_936,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  max_position_embeddings: 32_768,
  max_window_layers: 24,
  sliding_window: 32_768,
  use_sliding_window: false,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  hidden_act: 'silu',
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
};

/** Elements that are made once and written again and again: random, and quick. */
const PATTERN_ELEMENTS = 1 << 20;
const SHARD_BYTES = 300_000_000;

/** Bits of bf16 numbers of deviation 0.02. */
function randomPattern(): Uint8Array {
  const rng = new Rng(1, 0);
  const values = Float32Array.from({ length: PATTERN_ELEMENTS }, (_, i) => rng.normal(0, i) * 0.02);
  return new Uint8Array(Uint16Array.from(new Uint32Array(values.buffer), (word) => word >>> 16).buffer);
}

async function* repeated(pattern: Uint8Array, bytes: number): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= pattern.byteLength)
    yield pattern.subarray(0, Math.min(left, pattern.byteLength));
}

/** Writes a checkpoint of that shape with random weights, bf16 in shards, and a tokenizer of whole words. */
export async function makeCheckpoint(folder: string): Promise<void> {
  const config = parseDecoderConfig(JSON.stringify(QWEN_HALF_BILLION));
  const pattern = randomPattern();
  const ones = new Uint8Array(Uint16Array.from({ length: PATTERN_ELEMENTS }, () => 0x3f80).buffer);
  const tensors = weightSpecs(config).map(({ name, shape }): TensorSource => {
    const bytes = 2 * shape.reduce((a, b) => a * b, 1);
    const source = name.endsWith('norm.weight') ? ones : pattern;
    return { name, shape, dtype: 'BF16', chunks: () => repeated(source, bytes) };
  });
  const marks = ['<think>', '</think>', '<answer>', '</answer>'];
  const words = [...marks, ...Array.from({ length: 10 }, (_, i) => `${i}`)];
  for (let i = 0; words.length < 151_643 - 3; i++) words.push(`w${i}`);
  const sideFiles = makeWordLevelTokenizer({
    words,
    specialTokens: ['<|endoftext|>', '<unk>', '<pad>'],
    eosToken: '<|endoftext|>',
    padToken: '<pad>',
    unkToken: '<unk>',
  });
  await saveModelDirectory(folder, { config, tensors, sideFiles, maxShardBytes: SHARD_BYTES });
}

/**
 * Rows that its tokenizer reads, two a file: `long.jsonl` of 64 tokens of prompt and 64 of completion, end token
 * included, and `short.jsonl` of 16 and 16.
 */
export async function writeRows(folder: string): Promise<void> {
  const filler = (count: number, from: number): string =>
    Array.from({ length: count }, (_, i) => `w${from + 37 * i}`).join(' ');
  // Six words beside the reasoning: four marks, the answer and the end.
  const row = (tokens: number, index: number): string =>
    JSON.stringify({
      prompt: filler(tokens, index),
      target: `<think>\n${filler(tokens - 6, 5000 + index)}\n</think>\n<answer>\n7\n</answer>`,
      answer: '7',
    });
  for (const [name, tokens] of [
    ['long.jsonl', 64],
    ['short.jsonl', 16],
  ] as const) {
    await writeFile(join(folder, name), `${row(tokens, 0)}\n${row(tokens, 1)}\n`);
  }
}
