import { writeFileSync } from 'node:fs';
import { type DecoderConfig, makeWordLevelTokenizer, type TensorSource } from '@dawngrad/models';
import { saveModelDirectory } from '@dawngrad/models/node';

const LARGEST_NUMBER = 30;
const NUMBERS = Array.from({ length: LARGEST_NUMBER + 1 }, (_, n) => String(n));
const SPECIAL_TOKENS = ['<s>', '</s>', '<unk>'];
const WORDS = [...NUMBERS, '+', '=', 'sum', '<think>', '</think>', '<answer>', '</answer>'];

const CONFIG: DecoderConfig = {
  modelType: 'llama',
  vocabSize: SPECIAL_TOKENS.length + WORDS.length,
  hiddenSize: 16,
  intermediateSize: 24,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  numKeyValueHeads: 1,
  headDim: 8,
  maxPositionEmbeddings: 64,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  eosTokenIds: [1],
};

export interface TinyModelOptions {
  /** Of the same weights as Llama. */
  readonly modelType?: 'llama' | 'mistral';
  /** A multiple of 16. */
  readonly hiddenSize?: number;
  /** The last two words in the other order: as many tokens, of which two are others. */
  readonly swapsTokens?: boolean;
}

/** Writes an untrained model that knows sums of small numbers, in Hugging Face layout. */
export async function writeTinyModel(folder: string, options: TinyModelOptions = {}): Promise<void> {
  const { modelType = 'llama', hiddenSize = CONFIG.hiddenSize, swapsTokens = false } = options;
  const config = { ...CONFIG, modelType, hiddenSize, headDim: hiddenSize / 2 };
  const { vocabSize: v, hiddenSize: d, intermediateSize: f } = config;
  const block = 'model.layers.0';
  const shapes: Record<string, number[]> = {
    'model.embed_tokens.weight': [v, d],
    [`${block}.input_layernorm.weight`]: [d],
    [`${block}.self_attn.q_proj.weight`]: [d, d],
    [`${block}.self_attn.k_proj.weight`]: [d / 2, d],
    [`${block}.self_attn.v_proj.weight`]: [d / 2, d],
    [`${block}.self_attn.o_proj.weight`]: [d, d],
    [`${block}.post_attention_layernorm.weight`]: [d],
    [`${block}.mlp.gate_proj.weight`]: [f, d],
    [`${block}.mlp.up_proj.weight`]: [f, d],
    [`${block}.mlp.down_proj.weight`]: [d, f],
    'model.norm.weight': [d],
  };
  await saveModelDirectory(folder, {
    config,
    tensors: Object.entries(shapes).map(([name, shape]) => tensor(name, shape)),
    sideFiles: makeWordLevelTokenizer({
      words: swapsTokens ? [...WORDS.slice(0, -2), ...WORDS.slice(-2).reverse()] : WORDS,
      specialTokens: SPECIAL_TOKENS,
      bosToken: '<s>',
      eosToken: '</s>',
      unkToken: '<unk>',
    }),
  });
}

/** Writes rows `{prompt, target, answer}` of different sums. */
export function writeSums(path: string, count: number): void {
  const rows = Array.from({ length: count }, (_, i) => {
    const [a, b] = [i % 13, (3 * i + Math.floor(i / 13)) % 17];
    const answer = String(a + b);
    return {
      prompt: `sum ${a} + ${b} =`,
      target: `<think>\n${a} + ${b} = ${answer}\n</think>\n<answer>\n${answer}\n</answer>`,
      answer,
    };
  });
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

function tensor(name: string, shape: readonly number[]): TensorSource {
  const size = shape.reduce((product, length) => product * length, 1);
  const valueAt = (i: number): number => (shape.length === 1 ? 1 : 0.3 * Math.sin(12.9898 * i + name.length));
  return { name, shape, read: async () => Float32Array.from({ length: size }, (_, i) => valueAt(i)) };
}
