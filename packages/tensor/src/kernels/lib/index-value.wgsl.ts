/**
 * WGSL function `resolve(index, size, isSigned)`: the element that an index names, or `size` or more where it names
 * none. A negative i32 counts from the end, as in NumPy; of a u32 every bit counts.
 */
export const RESOLVE_INDEX_WGSL = `
fn resolve(index: u32, size: u32, isSigned: u32) -> u32 {
  if (isSigned == 0u || index < 0x80000000u) { return index; }
  // Wraps around to below zero, which is past every size, where even the sum is negative.
  return index + size;
}
`;
