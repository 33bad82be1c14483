import { type Device, type Shape, sizeOf, Tensor } from '@dawngrad/tensor';

/** Deterministic values in [-0.5, 0.5) by Marsaglia's xorshift: benches need many and only their spread matters. */
export function uniformValues(size: number, seed: number): Float32Array<ArrayBuffer> {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 1;
  return Float32Array.from({ length: size }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32 - 0.5;
  });
}

/** Deterministic ids in [0, limit). */
export function idValues(size: number, limit: number, seed: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(uniformValues(size, seed), (value) => Math.floor((value + 0.5) * limit));
}

export function randomTensor(device: Device, shape: Shape, seed: number): Tensor {
  return Tensor.from(device, uniformValues(sizeOf(shape), seed), shape, 'f32', 'bench/input');
}

export function idTensor(device: Device, size: number, limit: number, seed: number): Tensor {
  return Tensor.from(device, idValues(size, limit, seed), [size], 'u32', 'bench/ids');
}

export function disposeAll(tensors: readonly Tensor[]): () => void {
  return () => {
    for (const tensor of tensors) tensor.dispose();
  };
}
