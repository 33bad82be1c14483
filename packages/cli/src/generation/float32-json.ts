/**
 * A float32 as the shortest decimal that gives it back when it is read as a float32; written out as the double that
 * it is, it would take 17 digits. At most nine are needed.
 */
export function shortFloat32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}
