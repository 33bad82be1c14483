import type { KernelBinding } from '../gpu/kernel.ts';
import type { WeightFormat } from './matmul-spec.ts';

/*
 * How the family reads an operand that is not stored as f32: A in 16-bit floats, B in all formats. A load gives f32 values, so everything after it is the
 * same for all formats. 16-bit floats are two to a word. Quantised formats are blocks along the stored rows;
 * their codes and their scales are two arrays, the bytes of the codes in the order of the published block:
 *
 * q8_0   32 values: signed bytes, times one f16 scale.
 * q4_0   32 values: nibbles minus 8, times one f16 scale; byte j has value j low and value j + 16 high.
 * nf4    64 values: nibbles into a table of quantiles, times one f32 scale; byte j has value 2j high, 2j + 1 low.
 *
 * Sources: q8_0 and q4_0: ggml (block_q8_0, block_q4_0). nf4: T. Dettmers et al., "QLoRA" (2023), appendix E,
 * and the packing of bitsandbytes.
 */

/** Values that share a scale; 1 for the float formats. */
export const WEIGHT_BLOCK: Readonly<Record<WeightFormat, number>> = {
  f32: 1,
  f16: 1,
  bf16: 1,
  q8_0: 32,
  q4_0: 32,
  nf4: 64,
};

/** Bytes of a value, its share of the scale included. */
export const WEIGHT_BYTES: Readonly<Record<WeightFormat, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 1 + 2 / 32,
  q4_0: 0.5 + 2 / 32,
  nf4: 0.5 + 4 / 64,
};

/** The quantiles of nf4, as published. */
export const NF4_VALUES: readonly number[] = [
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
];

/** The arrays that hold an operand: its values or codes, then the scales of a quantised format. */
export function operandBindings(name: 'a' | 'b', format: WeightFormat, vector: 1 | 4): KernelBinding[] {
  const read = (binding: string, element: string): KernelBinding => ({ name: binding, access: 'read', element });
  switch (format) {
    case 'f32':
      return [read(name, vector === 4 ? 'vec4<f32>' : 'f32')];
    case 'f16':
    case 'bf16':
      return [read(name, vector === 4 ? 'vec2<u32>' : 'u32')];
    case 'q8_0':
    case 'q4_0':
      return [read(name, 'u32'), read('scales', 'u32')];
    case 'nf4':
      return [read(name, 'u32'), read('scales', 'f32')];
  }
}

/** `load_a(i)` or `load_b(i)`: value i, or values 4i ... 4i + 3. Nothing for f32, which is read directly. */
export function loadFunction(name: 'a' | 'b', format: WeightFormat, vector: 1 | 4): string {
  switch (format) {
    case 'f32':
      return '';
    case 'f16':
      return vector === 4
        ? `
fn load_${name}(i: u32) -> vec4f {
  let words = ${name}[i];
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
`
        : `
fn load_${name}(i: u32) -> f32 { return unpack2x16float(${name}[i >> 1u] >> ((i & 1u) << 4u)).x; }
`;
    case 'bf16':
      return vector === 4
        ? `
fn load_${name}(i: u32) -> vec4f {
  let words = ${name}[i];
  return bitcast<vec4f>(vec4u(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u));
}
`
        : `
fn load_${name}(i: u32) -> f32 { return bitcast<f32>((${name}[i >> 1u] >> ((i & 1u) << 4u)) << 16u); }
`;
    case 'q8_0':
      return `${F16_SCALE}
fn load_${name}(i: u32) -> vec4f {
  let word = ${name}[i];
  let codes = bitcast<vec4i>(vec4u(word << 24u, word << 16u, word << 8u, word)) >> vec4u(24u);
  return vec4f(codes) * scale_of(i / 8u);
}
`;
    case 'q4_0':
      return `${F16_SCALE}
fn load_${name}(i: u32) -> vec4f {
  let part = i % 8u;
  let word = ${name}[i / 8u * 4u + part % 4u] >> (part / 4u * 4u);
  let codes = vec4u(word, word >> 8u, word >> 16u, word >> 24u) & vec4u(15u);
  return (vec4f(codes) - 8.0) * scale_of(i / 8u);
}
`;
    case 'nf4':
      return `${NF4_FUNCTION}
fn load_${name}(i: u32) -> vec4f {
  let word = ${name}[i / 2u] >> (i % 2u * 16u);
  return nf4_values(vec4u(word >> 4u, word, word >> 12u, word >> 8u)) * scales[i / 16u];
}
`;
  }
}

/** A tree of selections by the bits of a code: a table that is indexed at run time is a slow load for every value. */
function nf4Tree(bit: number, first: number): string {
  if (bit < 0) return `vec4f(${NF4_VALUES[first]}f)`;
  return `select(${nf4Tree(bit - 1, first)}, ${nf4Tree(bit - 1, first + (1 << bit))}, bit${bit})`;
}

/** `nf4_values(codes)`: the quantiles of four codes, by their lowest four bits. */
const NF4_FUNCTION = `
fn nf4_values(codes: vec4u) -> vec4f {
  ${[0, 1, 2, 3].map((bit) => `let bit${bit} = (codes & vec4u(${1 << bit}u)) != vec4u();`).join('\n  ')}
  return ${nf4Tree(3, 0)};
}`;

/** `scale_of(block)`: a scale of those that are two to a word. */
export const F16_SCALE = `
fn scale_of(block: u32) -> f32 { return unpack2x16float(scales[block >> 1u] >> ((block & 1u) << 4u)).x; }`;
