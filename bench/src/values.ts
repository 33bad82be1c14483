import { type Device, type Shape, sizeOf, Tensor } from '@dawngrad/tensor';

/**
 * Deterministic values in [-0.5, 0.5): the linear congruential generator of Numerical Recipes (3rd edition,
 * section 7.1). Benches need many and only their spread matters; peers are given the same ones.
 */
export function uniformValues(size: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

/** Deterministic ids in [0, limit). */
export function idValues(size: number, limit: number, seed: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(uniformValues(size, seed), (value) => Math.floor((value + 0.5) * limit));
}

export function randomTensor(device: Device, shape: Shape, seed: number): Tensor {
  return Tensor.from(device, uniformValues(sizeOf(shape), seed), shape, 'f32', 'bench/input');
}

export function idTensor(device: Device, size: number, limit: number, seed: number, shape: Shape = [size]): Tensor {
  return Tensor.from(device, idValues(size, limit, seed), shape, 'u32', 'bench/ids');
}

export function disposeAll(tensors: readonly Tensor[]): () => void {
  return () => {
    for (const tensor of tensors) tensor.dispose();
  };
}
