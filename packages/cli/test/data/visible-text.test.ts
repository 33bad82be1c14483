import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibleText } from '../../src/data/visible-text.ts';

describe('visibleText', () => {
  it.each<[string, string]>([
    ['a\nb\tc\r', 'a\\n\nb\\tc\\r'],
    ['\u001b[31mred\u001b]8;;http://x\u0007', '\\x1b[31mred\\x1b]8;;http://x\\x07'],
    ['\u0000\u007f\u0085\u009b', '\\x00\\x7f\\x85\\x9b'],
    ['\u202eabc\u2066\u200b\u2028\ufeff', '\\u{202e}abc\\u{2066}\\u{200b}\\u{2028}\\u{feff}'],
    ['\ud800x', '\\u{d800}x'],
    ['日本 é 🦙 שלום', '日本 é 🦙 שלום'],
  ])('writes %j as %j', (text, visible) => {
    expect(visibleText(text)).toBe(visible);
  });

  it('lets nothing through that does not print', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visibleText(text)).not.toMatch(/(?!\n)\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Surrogate}/u);
      }),
    );
  });
});
