import { describe, expect, it } from 'vitest';
import { COLOUR_STEPS, styleSheet } from '../../src/report/style.ts';

type Rgb = [number, number, number];

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2 contrast ratio. */
function contrast(a: Rgb, b: Rgb): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function hex(css: string, name: string): Rgb {
  const digits = new RegExp(`--${name}: #([0-9a-f]{6})`).exec(css)![1]!;
  return [0, 2, 4].map((i) => Number.parseInt(digits.slice(i, i + 2), 16)) as Rgb;
}

const [light, dark] = styleSheet().split('@media (prefers-color-scheme: dark)') as [string, string];

describe('the style sheet', () => {
  it.each([
    ['light', light],
    ['dark', dark],
  ])('keeps text readable on the %s page and on the strongest token colours', (_, css) => {
    const paper = hex(css, 'paper');
    const ink = hex(css, 'ink');
    const strength = Number(/--strength: ([\d.]+)/.exec(css)![1]);
    expect(contrast(hex(css, 'muted'), paper)).toBeGreaterThan(4.5);
    for (const side of ['high', 'low']) {
      const colour = new RegExp(`--${side}: (\\d+), (\\d+), (\\d+)`).exec(css)!.slice(1).map(Number) as Rgb;
      const background = paper.map((channel, i) => channel + strength * (colour[i]! - channel)) as Rgb;
      expect(contrast(ink, background)).toBeGreaterThan(4.5);
    }
    for (const verdict of ['blue', 'orange']) expect(contrast(hex(css, verdict), paper)).toBeGreaterThan(4);
  });

  it('defines every step of the token scale and every colour it uses', () => {
    const css = styleSheet();
    for (let step = 1; step <= COLOUR_STEPS; step++) {
      expect(css).toContain(`.high${step} {`);
      expect(css).toContain(`.low${step} {`);
    }
    for (const [, name] of css.matchAll(/var\(--(\w+)\)/g)) {
      expect(light).toContain(`--${name}:`);
      expect(dark).toContain(`--${name}:`);
    }
  });
});
