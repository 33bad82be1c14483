import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charOffsets } from '../../src/tokenizer/char-offsets.ts';
import { ByteTextStream, type TextStream, tokenPart, WindowTextStream } from '../../src/tokenizer/text-stream.ts';

/** A decoder whose tokens are single bytes: every character beyond ASCII is cut. */
const decodeBytes = (ids: readonly number[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(ids));

/** Both streams over tokens that are single bytes: they must agree. */
const STREAMS: readonly [string, () => TextStream][] = [
  ['ByteTextStream', () => new ByteTextStream((id) => tokenPart(Uint8Array.of(id)))],
  ['WindowTextStream', () => new WindowTextStream(decodeBytes, (id) => id)],
];

describe.each(STREAMS)('charOffsets of a %s', (_, stream) => {
  const piecesOf = (ids: readonly number[]): string[] => {
    const text = decodeBytes(ids);
    const offsets = charOffsets(ids, stream(), text.length);
    return ids.map((__, i) => text.slice(offsets[i], offsets[i + 1]));
  };

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

  it('covers bytes that are no text at all, and never gives out part of a character', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0xe2, 0x82, 0xac, 0xf0, 0x9f)), { maxLength: 60 }),
        (ids) => {
          const text = decodeBytes(ids);
          const offsets = charOffsets(ids, stream(), text.length);
          expect(offsets).toHaveLength(ids.length + 1);
          expect(offsets[0]).toBe(0);
          expect(offsets.at(-1)).toBe(text.length);
          expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
          const one = stream();
          expect(ids.map((id) => one.push(id)).join('') + one.end()).toBe(text);
          // It starts anew after its end.
          expect(ids.map((id) => one.push(id)).join('') + one.end()).toBe(text);
        },
      ),
    );
  });

  it('keeps U+FFFD and U+FEFF that are in the text', () => {
    const ids = [...new TextEncoder().encode('\ufeffa\ufffd\ufffdb\ufeff')];
    expect(piecesOf(ids).filter((piece) => piece !== '')).toEqual(['\ufeff', 'a', '\ufffd', '\ufffd', 'b', '\ufeff']);
  });
});

describe('WindowTextStream', () => {
  const noBytes = (): undefined => undefined;

  it('lets a decoder strip the first space and join words by spaces', () => {
    const words = [' once', ' upon', ' a', ' time'];
    const strip = (ids: readonly number[]): string =>
      ids
        .map((id) => words[id])
        .join('')
        .replace(/^ /, '');
    const ids = [0, 1, 2, 3];
    expect(charOffsets(ids, new WindowTextStream(strip, noBytes), 16)).toEqual([0, 4, 9, 11, 16]);
    const join = (some: readonly number[]): string => some.map((id) => words[id]!.trim()).join(' ');
    expect(charOffsets(ids, new WindowTextStream(join, noBytes), 16)).toEqual([0, 4, 9, 11, 16]);
  });

  it('decodes windows of a few ids, however long the text and whatever its bytes', () => {
    for (const byte of [0x61, 0x80, 0xe2]) {
      let decoded = 0;
      const stream = new WindowTextStream(
        (ids) => {
          decoded += ids.length;
          return decodeBytes(ids);
        },
        (id) => id,
      );
      for (let i = 0; i < 1000; i++) stream.push(byte);
      expect(decoded).toBeLessThan(5000);
    }
  });
});
