import type { DecoderConfig } from '../config/decoder-config.ts';
import type { RopeScaling } from '../config/rope-scaling.ts';

type Rotation = Pick<DecoderConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>;

/**
 * Angles per position of the rotary embedding, [E / 2]: theta^(-2i / E) (Su et al., 2021), changed as the
 * configuration says. llama3: waves longer than original / low are slowed by the factor, those shorter than
 * original / high are kept, those between are blended (Llama 3.1, as in transformers). yarn: as it, but blended by
 * the index of the pair.
 */
export function ropeFrequencies({ headDim, ropeTheta, ropeScaling }: Rotation): number[] {
  const plain = Array.from({ length: headDim / 2 }, (_, i) => ropeTheta ** ((-2 * i) / headDim));
  switch (ropeScaling?.kind) {
    case undefined:
      return plain;
    case 'linear':
      return plain.map((frequency) => frequency / ropeScaling.factor);
    case 'llama3': {
      const { factor, lowFreqFactor: low, highFreqFactor: high, originalMaxPositionEmbeddings: original } = ropeScaling;
      return plain.map((frequency) => {
        const turns = (original * frequency) / (2 * Math.PI);
        if (turns < low) return frequency / factor;
        if (turns > high) return frequency;
        const smooth = (turns - low) / (high - low);
        return ((1 - smooth) * frequency) / factor + smooth * frequency;
      });
    }
    case 'yarn': {
      const [low, high] = yarnRamp(ropeScaling, headDim, ropeTheta);
      return plain.map((frequency, i) => {
        const slowed = Math.min(1, Math.max(0, (i - low) / (high - low)));
        return (frequency / ropeScaling.factor) * slowed + frequency * (1 - slowed);
      });
    }
  }
}

/** What cosines and sines are multiplied by. */
export function ropeAmplitude({ ropeScaling }: Rotation): number {
  return ropeScaling?.kind === 'yarn' ? ropeScaling.attentionFactor : 1;
}

/**
 * The pairs between which YaRN goes from kept to slowed: those that turn `betaFast` and `betaSlow` times over the
 * pre-training length (Peng et al., "YaRN", 2023, section 3.2, with the rounding and bounds of its published code).
 */
function yarnRamp(
  scaling: Extract<RopeScaling, { kind: 'yarn' }>,
  headDim: number,
  theta: number,
): readonly [number, number] {
  const pairTurning = (turns: number): number =>
    (headDim * Math.log(scaling.originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairTurning(scaling.betaFast), pairTurning(scaling.betaSlow)];
  const low = Math.max(0, scaling.truncate ? Math.floor(first) : first);
  const high = Math.min(headDim - 1, scaling.truncate ? Math.ceil(last) : last);
  return [low, low === high ? high + 0.001 : high];
}
