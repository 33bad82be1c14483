import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompletionText } from '../../src/generate/completion-text.ts';
import type { TextStream } from '../../src/tokenizer/text-stream.ts';

/** Ids are indices of pieces; the last piece comes at the end only. */
function streamOf(pieces: readonly string[], tail = ''): TextStream {
  return { push: (id) => pieces[id]!, end: () => tail };
}

/** Feeds the pieces; gives what was shown after each of them, up to the stop. */
function shownOf(pieces: readonly string[], stops: readonly string[], tail = '') {
  const text = new CompletionText(streamOf(pieces, tail), stops);
  const shown: string[] = [];
  for (let i = 0; i < pieces.length && !text.isStopped; i++) shown.push(text.push(i));
  const pushed = shown.length;
  shown.push(text.end());
  return { shown, pushed, text };
}

describe('CompletionText', () => {
  it('shows what cannot become a stop string at once', () => {
    const { shown, text } = shownOf(['one ', '#', 'x ', '#', '#', '# two'], ['###']);
    expect(shown).toEqual(['one ', '', '#x ', '', '', '', '']);
    expect(text.text).toBe('one #x ');
    expect(text.isStopped).toBe(true);
  });

  it('cuts at the first of several stop strings, also where one token holds all', () => {
    const { text, pushed } = shownOf(['a b END c STOP d', 'never'], ['STOP', 'END']);
    expect([text.text, pushed]).toEqual(['a b ', 1]);
  });

  it('shows what was kept back once the text has ended', () => {
    const { shown, text } = shownOf(['end', 'in', 'g #', '#'], ['###'], '\ufffd');
    expect(shown.join('')).toBe('ending ##\ufffd');
    expect([text.text, text.isStopped]).toEqual(['ending ##\ufffd', false]);
  });

  it('finds a stop string that only the end of the stream completes', () => {
    const { shown, text } = shownOf(['a#'], ['##'], '#');
    expect([shown.join(''), text.isStopped]).toEqual(['a', true]);
  });

  it('agrees with a search in the whole text, whatever the pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}'), maxLength: 5 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 12 }),
        fc.array(stop, { maxLength: 3 }),
        letters,
        (pieces, stops, tail) => {
          const { shown, pushed, text } = shownOf(pieces, stops, tail);
          // The stop is the earliest in the text at the token with which the first of them is complete.
          const ends = pieces.map((_, i) => pieces.slice(0, i + 1).join(''));
          const complete = [...ends, ends.at(-1) === undefined ? tail : `${ends.at(-1)}${tail}`];
          const at = complete.findIndex((whole) => stops.some((s) => whole.includes(s)));
          const whole = complete[at < 0 ? complete.length - 1 : at]!;
          const cuts = stops.map((s) => whole.indexOf(s)).filter((index) => index >= 0);
          expect(text.text).toBe(cuts.length === 0 ? whole : whole.slice(0, Math.min(...cuts)));
          expect(shown.join('')).toBe(text.text);
          expect(text.isStopped).toBe(at >= 0);
          expect(pushed).toBe(at < 0 ? pieces.length : Math.min(at + 1, pieces.length));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
