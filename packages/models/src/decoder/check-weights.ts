import { formatShape, ToolError } from '@dawngrad/tensor';
import type { DecoderConfig } from '../config/decoder-config.ts';
import type { TensorChunk } from '../io/safetensors.ts';
import type { WeightIndex } from '../io/weight-index.ts';
import { EMBEDDING, OUTPUT, weightSpecs } from './weight-specs.ts';

const FLOAT_DTYPES: readonly string[] = ['F32', 'F16', 'BF16'];
/** Elements compared at a time, whatever their types. */
const CHUNK_ELEMENTS = 1 << 20;

/**
 * Throws ToolError 'corrupt' unless a checkpoint holds each weight of a configuration with its shape, in F32, F16 or
 * BF16, and nothing unknown. To be asked before anything is allocated: a configuration that lies may ask for any
 * amount.
 */
export function checkWeights(config: DecoderConfig, weights: WeightIndex): void {
  const specs = weightSpecs(config);
  const names = new Set(specs.map(({ name }) => name));
  const unknown = weights.names.filter((name) => !names.has(name) && !isSpare(name));
  const missing = [...names].filter((name) => !weights.has(name));
  const list = (title: string, found: readonly string[]): string[] => {
    const more = found.length > 3 ? `, and ${found.length - 3} more` : '';
    return found.length === 0 ? [] : [`${title} ${found.slice(0, 3).join(', ')}${more}`];
  };
  if (unknown.length > 0 || missing.length > 0) {
    throw new ToolError('corrupt', {
      op: 'model weights',
      expected: `the ${names.size} weights of a model with this configuration`,
      got: [...list('missing', missing), ...list('unknown', unknown)].join('; '),
      hint: 'config.json and the weights may belong to different models.',
    });
  }
  for (const { name, shape } of specs) {
    const stored = weights.entry(name);
    if (stored.shape.join() !== shape.join()) {
      throw new ToolError('corrupt', {
        op: `${weights.fileOf(name)}: ${name}`,
        expected: `shape ${formatShape(shape)} as config.json says`,
        got: formatShape(stored.shape),
      });
    }
    if (!FLOAT_DTYPES.includes(stored.dtype)) {
      throw new ToolError('corrupt', {
        op: `${weights.fileOf(name)}: ${name}`,
        expected: `a weight in ${FLOAT_DTYPES.join(', ')}`,
        got: stored.dtype,
        hint: 'Quantised and double-precision checkpoints are not supported.',
      });
    }
  }
}

/**
 * Throws ToolError 'corrupt' where a configuration ties the output matrix to the embedding and the checkpoint stores
 * one that differs: transformers would ignore it and other tools would use it, so two loaders would see two models.
 */
export async function checkTiedWeights(config: DecoderConfig, weights: WeightIndex): Promise<void> {
  if (!config.tieWordEmbeddings || !weights.has(OUTPUT)) return;
  const refuse = (got: string): never => {
    throw new ToolError('corrupt', {
      op: `${weights.fileOf(OUTPUT)}: ${OUTPUT}`,
      expected: `what ${EMBEDDING} holds, since config.json ties them`,
      got,
      hint: 'Remove it, or set tie_word_embeddings to false if the model was trained so.',
    });
  };
  const [output, embedding] = [weights.entry(OUTPUT), weights.entry(EMBEDDING)];
  if (output.shape.join() !== embedding.shape.join()) refuse(`shape ${formatShape(output.shape)}`);
  const chunks = (name: string): AsyncGenerator<TensorChunk> =>
    weights.readF32Chunks(name, CHUNK_ELEMENTS * (weights.entry(name).dtype === 'F32' ? 4 : 2));
  const embeddings = chunks(EMBEDDING);
  for await (const { start, data } of chunks(OUTPUT)) {
    const other = (await embeddings.next()).value as TensorChunk;
    for (let i = 0; i < data.length; i++) {
      if (Object.is(data[i], other.data[i]) || data[i] === other.data[i]) continue;
      refuse(`${data[i]} instead of ${other.data[i]} in row ${Math.floor((start + i) / output.shape[1]!)}`);
    }
  }
}

/** A tied output matrix may be stored all the same; rotary buffers are computed, not read. */
function isSpare(name: string): boolean {
  return name === OUTPUT || name.endsWith('rotary_emb.inv_freq');
}
