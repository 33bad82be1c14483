/** A p-value for people: three places, or its power of ten where it is small. */
export function pValueText(p: number): string {
  return p < 0.001 ? p.toExponential(1) : p.toFixed(3);
}
