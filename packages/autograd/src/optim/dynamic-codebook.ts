/**
 * The 256 values in [-1, 1] (or [0, 1]) of dynamic tree quantisation, ascending: for each of seven powers of
 * ten the midpoints of a linear grid, finer where the values are larger, then 0 and 1.
 *
 * Source: Dettmers et al., "8-bit optimizers via block-wise quantization", 2022, section 2.2 and its code.
 */
export function dynamicCodebook(isSigned: boolean): Float32Array<ArrayBuffer> {
  const values: number[] = [0, 1];
  for (let exponent = 0; exponent < 7; exponent++) {
    const count = 2 ** (isSigned ? exponent : exponent + 1);
    for (let i = 0; i < count; i++) {
      const middle = (0.1 + (0.9 * (i + 0.5)) / count) * 10 ** (exponent - 6);
      values.push(middle);
      if (isSigned) values.push(-middle);
    }
  }
  return Float32Array.from(values).sort();
}
