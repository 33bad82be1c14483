/**
 * Philox 4x32-10 in WGSL: `philox(counter, key)` gives the same four words as `philox4x32` in rng.ts,
 * and `uniform01(word)` the same number in [0, 1). WGSL has no 64-bit product, so the high word is
 * assembled from 16-bit halves.
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
export const PHILOX_WGSL = `
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu; let aHigh = a >> 16u;
  let bLow = b & 0xffffu; let bHigh = b >> 16u;
  let mid = aHigh * bLow + ((aLow * bLow) >> 16u);
  let crossed = aLow * bHigh + (mid & 0xffffu);
  return aHigh * bHigh + (mid >> 16u) + (crossed >> 16u);
}
fn philox(start: vec4u, key: vec2u) -> vec4u {
  var c = start;
  var k = key;
  for (var round = 0; round < 10; round++) {
    let high0 = multiplyHigh(0xd2511f53u, c.x);
    let low0 = 0xd2511f53u * c.x;
    let high1 = multiplyHigh(0xcd9e8d57u, c.z);
    let low1 = 0xcd9e8d57u * c.z;
    c = vec4u(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
    k = k + vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
fn uniform01(word: u32) -> f32 { return f32(word >> 8u) * 5.9604644775390625e-8; }
`;
