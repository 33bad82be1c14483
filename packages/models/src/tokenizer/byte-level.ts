/**
 * The bytes that a token of a byte-level vocabulary stands for. Such vocabularies write each byte as one printable
 * character: itself where it is printable, else one from U+0100 on (GPT-2's `bytes_to_unicode`). A token with any
 * other character stands for its own UTF-8, as in the reference implementation.
 */
export function tokenBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF.get(token.charCodeAt(i));
    if (byte === undefined) return new TextEncoder().encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

/** Byte by the code of the character that writes it. */
const BYTE_OF: ReadonlyMap<number, number> = (() => {
  const byteOf = new Map<number, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    byteOf.set(isPrintable ? byte : next++, byte);
  }
  return byteOf;
})();
