import type { DecoderConfig } from '@dawngrad/models';

/** The rotation of a model: angle per position of each pair, and what cosines and sines are multiplied by. */
export interface ReferenceRope {
  readonly frequencies: readonly number[];
  readonly amplitude: number;
}

/**
 * Rotary settings in float64, in the words of transformers' modeling_rope_utils.py: by wavelength for llama3, by a
 * mask of what is extrapolated for yarn.
 */
export function referenceRope({ headDim, ropeTheta: base, ropeScaling: scaling }: DecoderConfig): ReferenceRope {
  const inverse = Array.from({ length: headDim / 2 }, (_, i) => 1 / base ** ((2 * i) / headDim));
  if (scaling === undefined) return { frequencies: inverse, amplitude: 1 };
  if (scaling.kind === 'linear') return { frequencies: inverse.map((f) => f / scaling.factor), amplitude: 1 };
  const { factor, originalMaxPositionEmbeddings: length } = scaling;
  if (scaling.kind === 'llama3') {
    const lowWavelength = length / scaling.lowFreqFactor;
    const highWavelength = length / scaling.highFreqFactor;
    const frequencies = inverse.map((f) => {
      const wavelength = (2 * Math.PI) / f;
      if (wavelength < highWavelength) return f;
      if (wavelength > lowWavelength) return f / factor;
      const smooth = (length / wavelength - scaling.lowFreqFactor) / (scaling.highFreqFactor - scaling.lowFreqFactor);
      return (1 - smooth) * (f / factor) + smooth * f;
    });
    return { frequencies, amplitude: 1 };
  }
  const correction = (rotations: number): number =>
    (headDim * Math.log(length / (rotations * 2 * Math.PI))) / (2 * Math.log(base));
  let low = correction(scaling.betaFast);
  let high = correction(scaling.betaSlow);
  if (scaling.truncate) [low, high] = [Math.floor(low), Math.ceil(high)];
  [low, high] = [Math.max(low, 0), Math.min(high, headDim - 1)];
  if (low === high) high += 0.001;
  const frequencies = inverse.map((f, i) => {
    const extrapolated = 1 - Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (f / factor) * (1 - extrapolated) + f * extrapolated;
  });
  return { frequencies, amplitude: scaling.attentionFactor };
}
