/**
 * How many bytes at the end are the start of a UTF-8 sequence whose other bytes may still come: 0 to 3. The bytes before
 * them can be decoded for themselves, valid or not.
 */
export function incompleteTail(bytes: ArrayLike<number>): number {
  for (let count = 1; count <= Math.min(3, bytes.length); count++) {
    const byte = bytes[bytes.length - count]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return count < sequenceLength(byte) ? count : 0;
  }
  return 0;
}

/** Bytes of the UTF-8 sequence that starts with this byte; 1 for a byte that starts none. */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}
