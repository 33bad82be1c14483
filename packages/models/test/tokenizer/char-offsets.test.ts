import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charOffsets } from '../../src/tokenizer/char-offsets.ts';

/** A decoder whose tokens are single bytes: every character beyond ASCII is cut. */
const decodeBytes = (ids: readonly number[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(ids));

function piecesOf(ids: readonly number[]): string[] {
  const offsets = charOffsets(ids, decodeBytes);
  const text = decodeBytes(ids);
  return ids.map((_, i) => text.slice(offsets[i], offsets[i + 1]));
}

describe('charOffsets', () => {
  it('counts a character to the token that completes it', () => {
    const ids = [...new TextEncoder().encode('aé€🦙b')];
    expect(piecesOf(ids)).toEqual(['a', '', 'é', '', '', '€', '', '', '', '🦙', 'b']);
  });

  it('covers any well-formed text exactly, piece by piece', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const ids = [...new TextEncoder().encode(text)];
        const pieces = piecesOf(ids);
        expect(pieces.join('')).toBe(decodeBytes(ids));
        expect(pieces.filter((piece) => piece !== '')).toEqual([...decodeBytes(ids)]);
      }),
    );
  });

  it('covers bytes that are no text at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const ids = [...bytes];
        const offsets = charOffsets(ids, decodeBytes);
        expect(offsets).toHaveLength(ids.length + 1);
        expect(offsets[0]).toBe(0);
        expect(offsets.at(-1)).toBe(decodeBytes(ids).length);
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      }),
    );
  });

  it('lets a decoder strip the first space and join words by spaces', () => {
    const words = [' once', ' upon', ' a', ' time'];
    const strip = (ids: readonly number[]): string =>
      ids
        .map((id) => words[id])
        .join('')
        .replace(/^ /, '');
    expect(charOffsets([0, 1, 2, 3], strip)).toEqual([0, 4, 9, 11, 16]);
    const join = (ids: readonly number[]): string => ids.map((id) => words[id]!.trim()).join(' ');
    expect(charOffsets([0, 1, 2, 3], join)).toEqual([0, 4, 9, 11, 16]);
  });
});
