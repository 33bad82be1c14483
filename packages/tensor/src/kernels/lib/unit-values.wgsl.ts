import type { DType } from '../../dtype.ts';
import { packFunctions, packPair } from './element.wgsl.ts';
import { type MoveUnit, unitType } from './move.wgsl.ts';

/**
 * WGSL functions `decode(bits)` and `encode(value)` between the bits of a unit and the values that a kernel computes
 * with: f32 for all floats, vectors where a unit holds several elements. A word is the widest unit of 16-bit floats.
 */
export function unitValues(dtype: Exclude<DType, 'bool'>, unit: MoveUnit): string {
  const bits = unitType(unit);
  if (dtype === 'f16' || dtype === 'bf16') {
    const zero = '0.0';
    const [type, decoded, encoded] =
      unit === 'half'
        ? [
            'f32',
            dtype === 'f16' ? 'unpack2x16float(bits).x' : 'bitcast<f32>(bits << 16u)',
            packPair(dtype, 'value', zero),
          ]
        : [
            'vec2f',
            dtype === 'f16' ? 'unpack2x16float(bits)' : 'bitcast<vec2f>(vec2u(bits << 16u, bits & 0xffff0000u))',
            packPair(dtype, 'value.x', 'value.y'),
          ];
    return `${packFunctions(dtype)}
fn decode(bits: u32) -> ${type} { return ${decoded}; }
fn encode(value: ${type}) -> u32 { return ${encoded}; }`;
  }
  const type = unit === 'quad' ? `vec4<${dtype}>` : dtype;
  return `fn decode(bits: ${bits}) -> ${type} { return bitcast<${type}>(bits); }
fn encode(value: ${type}) -> ${bits} { return bitcast<${bits}>(value); }`;
}
