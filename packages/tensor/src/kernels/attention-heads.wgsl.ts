import type { KernelBinding } from '../gpu/kernel.ts';
import { type AttentionTile, each, type HeadDType } from './attention-tile.wgsl.ts';
import { loadElement, loadPair, packPair } from './lib/element.wgsl.ts';

/*
 * How the attention kernels read and write head vectors: a vec4 of f32 in the kernel, whatever the storage.
 * q, k and v come in a binding each or as columns of one packed binding; in f32, or in 16 bits of which a
 * word holds two. Bases and strides count binding elements: vec4s where the tile allows, else numbers.
 */

type HeadSource = 'q' | 'k' | 'v';

/** WGSL type of a binding element: 4 numbers, 1 number, or the word that holds it. */
function elementOf(vec: 1 | 4, dtype: HeadDType): string {
  if (dtype === 'f32') return vec === 4 ? 'vec4<f32>' : 'f32';
  return vec === 4 ? 'vec2<u32>' : 'u32';
}

/** WGSL type of four numbers of a head vector, as the kernel multiplies them. */
export function vectorType(tile: AttentionTile): string {
  return `vec4<${tile.arithmetic}>`;
}

/** Four f32 numbers in that type. */
export function asVector(tile: AttentionTile, value: string): string {
  return tile.arithmetic === 'f32' ? value : `vec4<f16>(${value})`;
}

/** A binding of head vectors in f32. */
export function headBinding(name: string, access: KernelBinding['access'], tile: AttentionTile): KernelBinding {
  return { name, access, element: elementOf(tile.vec, 'f32') };
}

/** A read-only binding of head vectors as q, k and v are stored. */
function storedBinding(name: string, tile: AttentionTile): KernelBinding {
  return { name, access: 'read', element: elementOf(tile.vec, tile.dtype) };
}

/** A binding of a key or value cache. */
export function cacheBinding(
  name: string,
  access: KernelBinding['access'],
  vec: 1 | 4,
  dtype: HeadDType,
): KernelBinding {
  return { name, access, element: elementOf(vec, dtype) };
}

/** Stores an element of a cache: a number, or four of them. 16 bits come in fours and need `packFunctions(dtype)`. */
export function storeCached(cache: string, at: string, value: string, dtype: HeadDType): string {
  if (dtype === 'f32') return `${cache}[${at}] = ${value};`;
  return `{ let four = ${value}; ${cache}[${at}] = vec2<u32>(${packPair(dtype, 'four.x', 'four.y')}, ${packPair(dtype, 'four.z', 'four.w')}); }`;
}

/** The bindings of q, k and v: three, or the one that holds them all. */
export function sourceBindings(tile: AttentionTile): KernelBinding[] {
  return (tile.packed ? ['qkv'] : ['q', 'k', 'v']).map((name) => storedBinding(name, tile));
}

/** `load_q`, `load_k` and `load_v`. */
export function loadSources(tile: AttentionTile): string {
  return (['q', 'k', 'v'] as const)
    .map((name) => loadFunction(name, tile, { binding: tile.packed ? 'qkv' : name, dtype: tile.dtype }))
    .join('');
}

/** `fn load_<name>(base, chunk)`: one vec4 of a head vector, zero past its end. Default: an f32 binding of that name. */
export function loadFunction(
  name: string,
  tile: AttentionTile,
  stored: { readonly binding?: string; readonly dtype?: HeadDType } = {},
): string {
  const { binding = name, dtype = 'f32' } = stored;
  const head = `fn load_${name}(base: u32, chunk: u32) -> vec4<f32>`;
  if (tile.vec === 4) {
    if (dtype === 'f32') return `${head} { return ${binding}[base + chunk]; }\n`;
    return `${head} {
  let words = ${binding}[base + chunk];
  return vec4<f32>(${loadPair('words', dtype, '0')}, ${loadPair('words', dtype, '1')});
}
`;
  }
  const at = (i: number) => loadElement(binding, dtype, `at${i > 0 ? ` + ${i}u` : ''}`);
  const guard = (i: number) =>
    tile.headDim % 4 === 0 ? at(i) : `select(0.0, ${at(i)}, chunk * 4u + ${i}u < ${tile.headDim}u)`;
  return `${head} {
  let at = base + chunk * 4u;
  return vec4<f32>(${[0, 1, 2, 3].map(guard).join(', ')});
}
`;
}

/** Stores `value` as chunk `chunk` of the head vector at `base` of an f32 binding. */
export function storeChunk(binding: string, base: string, chunk: number, value: string, tile: AttentionTile): string {
  if (tile.vec === 4) return `${binding}[${base} + ${chunk}u] = ${value};`;
  const left = Math.min(4, tile.headDim - chunk * 4);
  return `{ let whole = ${value}; ${each(left, (i) => `${binding}[${base} + ${chunk * 4 + i}u] = whole[${i}];`)} }`;
}

/** Binding elements of a head vector. */
export function headUnits(tile: AttentionTile): number {
  return tile.headDim / tile.vec;
}

/** WGSL base of a head vector in a contiguous [N, heads, E] buffer. */
export function contiguousBase(tile: AttentionTile, row: string, heads: string, head: string): string {
  return `(${row} * ${heads} + ${head}) * ${headUnits(tile)}u`;
}

/** WGSL base of a head vector of q, k or v, through its stride and offset. */
export function stridedBase(tile: AttentionTile, name: HeadSource, row: string, head: string): string {
  return `params.${name}Offset + ${row} * params.${name}Stride + ${head} * ${headUnits(tile)}u`;
}
