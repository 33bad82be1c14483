import { describeJson } from '../io/strict-json.ts';
import type { FieldReader } from './field-reader.ts';

/** How rotary angles are changed for contexts longer than those of the pre-training. */
export type RopeScaling =
  /** Every angle divided by `factor`. */
  | { readonly kind: 'linear'; readonly factor: number }
  /** Llama 3.1: long waves are slowed by `factor`, short ones kept, those between blended. */
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    }
  /** YaRN (Peng et al., 2023): as llama3 with a linear ramp over pairs; cosines and sines are scaled besides. */
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalMaxPositionEmbeddings: number;
      /** What cosines and sines are multiplied by. */
      readonly attentionFactor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** The ends of the ramp are rounded to whole pairs. */
      readonly truncate: boolean;
    };

/** Rotary settings of a config.json. */
export interface RopeSettings {
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
}

const MAX_THETA = 1e12;
const MAX_FACTOR = 1e6;
const MAX_POSITIONS = 1 << 28;
const DEFAULT_THETA = 10_000;

/**
 * Reads rope_theta with rope_scaling (transformers 4, `rope_type` once spelt `type`) or rope_parameters (transformers
 * 5, which hold theta too). A file may have both if they say the same.
 */
export function readRope(read: FieldReader, maxPositionEmbeddings: number): RopeSettings {
  const found = ['rope_scaling', 'rope_parameters'].flatMap((key) => {
    const fields = read.object(key);
    return fields === undefined ? [] : [readRopeObject(fields, maxPositionEmbeddings)];
  });
  const [first, second] = found;
  const scalings = new Set(found.map(({ scaling }) => JSON.stringify(scaling)));
  if (first !== undefined && second !== undefined && scalings.size > 1) {
    throw read.corrupt('rope_scaling and rope_parameters that say the same', 'different ones');
  }
  const thetas = [read.has('rope_theta') ? read.positive('rope_theta', MAX_THETA) : undefined];
  for (const { theta } of found) thetas.push(theta);
  const stated = [...new Set(thetas.filter((theta) => theta !== undefined))];
  if (stated.length > 1) throw read.corrupt('one rope_theta', `${stated.join(' and ')}`);
  const scaling = first?.scaling;
  return { ropeTheta: stated[0] ?? DEFAULT_THETA, ...(scaling === undefined ? {} : { ropeScaling: scaling }) };
}

/** rope_theta and rope_scaling as transformers 4 writes them; 5 reads them too. */
export function ropeToJson({ ropeTheta, ropeScaling }: RopeSettings): Readonly<Record<string, unknown>> {
  return { rope_theta: ropeTheta, rope_scaling: ropeScaling === undefined ? null : scalingToJson(ropeScaling) };
}

interface RopeObject {
  readonly theta: number | undefined;
  readonly scaling: RopeScaling | undefined;
}

function readRopeObject(read: FieldReader, maxPositionEmbeddings: number): RopeObject {
  const theta = read.has('rope_theta') ? read.positive('rope_theta', MAX_THETA) : undefined;
  read.refuseUnless('partial_rotary_factor', [1]);
  const [kind, oldKind] = [read.value('rope_type'), read.value('type')];
  if (kind !== undefined && oldKind !== undefined && kind !== oldKind) {
    throw read.unsupported('rope_type and type that say the same', `${describeJson(kind)}, ${describeJson(oldKind)}`);
  }
  return { theta, scaling: readScaling(read, kind ?? oldKind, maxPositionEmbeddings) };
}

function readScaling(read: FieldReader, kind: unknown, maxPositionEmbeddings: number): RopeScaling | undefined {
  const original = (): number =>
    read.integer('original_max_position_embeddings', 1, MAX_POSITIONS, maxPositionEmbeddings);
  switch (kind) {
    case undefined: {
      // Settings of each kind of layer, and factors of no kind, must not pass for the default.
      const other = read.keys.find((key) => key !== 'rope_theta' && key !== 'partial_rotary_factor');
      if (other === undefined) return undefined;
      throw read.unsupported('a rope_type', `none, and ${describeJson(other)}`);
    }
    case 'default':
      return undefined;
    case 'linear':
      return { kind, factor: read.positive('factor', MAX_FACTOR) };
    case 'llama3': {
      const lowFreqFactor = read.positive('low_freq_factor', MAX_FACTOR);
      const highFreqFactor = read.positive('high_freq_factor', MAX_FACTOR);
      if (!(highFreqFactor > lowFreqFactor)) {
        throw read.corrupt('high_freq_factor over low_freq_factor', `${highFreqFactor} and ${lowFreqFactor}`);
      }
      return {
        kind,
        factor: read.positive('factor', MAX_FACTOR),
        lowFreqFactor,
        highFreqFactor,
        originalMaxPositionEmbeddings: original(),
      };
    }
    case 'yarn': {
      const factor = read.positive('factor', MAX_FACTOR);
      const betaFast = read.positive('beta_fast', MAX_FACTOR, 32);
      const betaSlow = read.positive('beta_slow', MAX_FACTOR, 1);
      if (betaFast < betaSlow) throw read.corrupt('beta_fast of at least beta_slow', `${betaFast} and ${betaSlow}`);
      return {
        kind,
        factor,
        originalMaxPositionEmbeddings: original(),
        attentionFactor: read.positive('attention_factor', MAX_FACTOR, yarnAttentionFactor(read, factor)),
        betaFast,
        betaSlow,
        truncate: read.boolean('truncate', true),
      };
    }
    default:
      throw read.unsupported('rope_type default, linear, llama3 or yarn', describeJson(kind));
  }
}

/** 0.1 ln(factor) + 1 (Peng et al., 2023, section 3.4), or DeepSeek's ratio of two such numbers. */
function yarnAttentionFactor(read: FieldReader, factor: number): number {
  const at = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  if (!read.has('mscale') || !read.has('mscale_all_dim')) return at(1);
  return at(read.positive('mscale', MAX_FACTOR)) / at(read.positive('mscale_all_dim', MAX_FACTOR));
}

function scalingToJson(scaling: RopeScaling): Readonly<Record<string, unknown>> {
  switch (scaling.kind) {
    case 'linear':
      return { rope_type: 'linear', factor: scaling.factor };
    case 'llama3':
      return {
        rope_type: 'llama3',
        factor: scaling.factor,
        low_freq_factor: scaling.lowFreqFactor,
        high_freq_factor: scaling.highFreqFactor,
        original_max_position_embeddings: scaling.originalMaxPositionEmbeddings,
      };
    case 'yarn':
      return {
        rope_type: 'yarn',
        factor: scaling.factor,
        original_max_position_embeddings: scaling.originalMaxPositionEmbeddings,
        attention_factor: scaling.attentionFactor,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        truncate: scaling.truncate,
      };
  }
}
