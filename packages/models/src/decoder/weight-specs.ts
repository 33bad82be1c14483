import { type Shape, sizeOf } from '@dawngrad/tensor';
import type { DecoderConfig } from '../config/decoder-config.ts';
import type { WeightSpec } from '../weights/base-weights.ts';

export const EMBEDDING = 'model.embed_tokens.weight';
export const OUTPUT = 'lm_head.weight';
export const FINAL_NORM = 'model.norm.weight';

/** Linears of one input: one matmul where their weights lie next to each other. */
export const HEADS = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'] as const;
export const GATE_AND_UP = ['mlp.gate_proj', 'mlp.up_proj'] as const;

/** `model.layers.3.self_attn.q_proj` */
export function layerName(layer: number, part: string): string {
  return `model.layers.${layer}.${part}`;
}

/** True if the linears of the attention's heads, or its output, have biases. */
export function hasBias({ attentionBias, mlpBias }: DecoderConfig, linear: string): boolean {
  if (linear.startsWith('mlp.')) return mlpBias === true;
  return attentionBias === 'qkvo' || (attentionBias === 'qkv' && linear !== 'self_attn.o_proj');
}

/** Names and shapes of a decoder's weights, as in the Hugging Face state dict. */
export function weightSpecs(config: DecoderConfig): WeightSpec[] {
  const { hiddenSize: d, intermediateSize: f, numAttentionHeads: h, numKeyValueHeads: k, headDim: e } = config;
  const spec = (name: string, shape: Shape, isLinear = false): WeightSpec => ({ name, shape, isLinear });
  const specs = [spec(EMBEDDING, [config.vocabSize, d])];
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const vector = (part: string, size: number): WeightSpec => spec(`${layerName(layer, part)}.weight`, [size]);
    const linears = (shapes: Readonly<Record<string, Shape>>): WeightSpec[] => [
      ...Object.entries(shapes).map(([part, shape]) => spec(`${layerName(layer, part)}.weight`, shape, true)),
      ...Object.entries(shapes)
        .filter(([part]) => hasBias(config, part))
        .map(([part, shape]) => spec(`${layerName(layer, part)}.bias`, [shape[0]!])),
    ];
    specs.push(
      vector('input_layernorm', d),
      ...linears({
        'self_attn.q_proj': [h * e, d],
        'self_attn.k_proj': [k * e, d],
        'self_attn.v_proj': [k * e, d],
        'self_attn.o_proj': [d, h * e],
      }),
      ...(config.qkNorm === true ? [vector('self_attn.q_norm', e), vector('self_attn.k_norm', e)] : []),
      vector('post_attention_layernorm', d),
      ...linears({ 'mlp.gate_proj': [f, d], 'mlp.up_proj': [f, d], 'mlp.down_proj': [d, f] }),
    );
  }
  specs.push(spec(FINAL_NORM, [d]));
  if (!config.tieWordEmbeddings) specs.push(spec(OUTPUT, [config.vocabSize, d]));
  return specs;
}

/** Groups of matrices that the model multiplies by as one, and of their biases. */
export function weightStacks(config: DecoderConfig): string[][] {
  return Array.from({ length: config.numHiddenLayers }, (_, layer) =>
    [HEADS, GATE_AND_UP].flatMap((parts) => {
      const names = parts.map((part) => layerName(layer, part));
      const weights = names.map((name) => `${name}.weight`);
      return hasBias(config, parts[0]) ? [weights, names.map((name) => `${name}.bias`)] : [weights];
    }),
  ).flat();
}

/** Number of weights of a model. */
export function parameterCount(config: DecoderConfig): number {
  return weightSpecs(config).reduce((total, { shape }) => total + sizeOf(shape), 0);
}
