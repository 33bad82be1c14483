/** Frobenius norm of the difference over that of the reference; infinite where sizes differ or a value is not finite. */
export function relativeDifference(values: Float32Array, reference: Float32Array): number {
  if (values.length !== reference.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < values.length; i++) {
    difference += (values[i]! - reference[i]!) ** 2;
    size += reference[i]! ** 2;
  }
  const ratio = Math.sqrt(difference / Math.max(size, Number.MIN_VALUE));
  return Number.isFinite(ratio) ? ratio : Number.POSITIVE_INFINITY;
}
