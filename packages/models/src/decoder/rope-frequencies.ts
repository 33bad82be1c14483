import type { DecoderConfig } from '../config/decoder-config.ts';

/**
 * Angles per position of the rotary embedding, [E / 2]: theta^(-2i / E) (Su et al., 2021), changed as the
 * configuration says. llama3: waves longer than original / low are slowed by the factor, those shorter than
 * original / high are kept, those between are blended (Llama 3.1, as in transformers).
 */
export function ropeFrequencies({ headDim, ropeTheta, ropeScaling }: DecoderConfig): number[] {
  const plain = Array.from({ length: headDim / 2 }, (_, i) => ropeTheta ** ((-2 * i) / headDim));
  if (ropeScaling === undefined) return plain;
  const { factor } = ropeScaling;
  if (ropeScaling.kind === 'linear') return plain.map((frequency) => frequency / factor);
  const { lowFreqFactor: low, highFreqFactor: high, originalMaxPositionEmbeddings: original } = ropeScaling;
  return plain.map((frequency) => {
    const turns = (original * frequency) / (2 * Math.PI);
    if (turns < low) return frequency / factor;
    if (turns > high) return frequency;
    const smooth = (turns - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}
