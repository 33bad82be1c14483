import type { WeightFormat } from '@dawngrad/tensor';
import type { DecoderConfig } from '../config/decoder-config.ts';
import { weightSpecs } from '../decoder/weight-specs.ts';
import type { WeightIndex } from '../io/weight-index.ts';
import { WEIGHT_FORMATS } from './base-weights.ts';
import { matrixBytes } from './frozen-matrix.ts';
import { keptFormat } from './frozen-weights.ts';
import { storedFormat } from './load-weights.ts';

/** Bytes that a model's frozen weights take on the device, by the format that they are loaded in. */
export function weightsMemory(config: DecoderConfig, weights: WeightIndex): Readonly<Record<WeightFormat, number>> {
  const specs = weightSpecs(config);
  const bytesOf = (wanted: WeightFormat): number =>
    specs.reduce((total, spec) => {
      const [rows, columns = 1] = spec.shape as readonly [number, number?];
      return total + matrixBytes(keptFormat(spec, wanted, storedFormat(weights, spec.name)), rows, columns);
    }, 0);
  return Object.fromEntries(WEIGHT_FORMATS.map((format) => [format, bytesOf(format)])) as Record<WeightFormat, number>;
}
