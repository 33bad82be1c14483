import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { densityBars, kernelDensity } from '../../src/figures/density.ts';
import type { Figure } from '../../src/figures/figure.ts';
import type { FigureInput } from '../../src/figures/figure-input.ts';
import { FIGURE_KINDS, type FigureKindName } from '../../src/figures/figure-kinds.ts';
import { flowText } from '../../src/figures/text-flow.ts';
import type { TracePair } from '../../src/figures/trace-comparison.ts';
import { readFontMetrics } from '../../src/node/font-metrics.ts';
import { measureText } from '../../src/node/fonts.ts';
import { figureSvg, PNG_SCALE, svgPng } from '../../src/node.ts';
import { rowsOf, tableInput } from '../tables/plot-runs.ts';

const ROWS = rowsOf(10, 1).map((row) => ({ ...row, generation: { content: 'two < three & "so" \u0000 on' } }));
const RUN = { labels: { domain: 'a', reward_domain: 'b', model: '<q & 7b>' }, rows: ROWS };

function pair(severity: number): TracePair {
  return {
    promptIdx: 3,
    severity,
    variantIdx: 0,
    prompt: 'How many?',
    cleanText: 'one and two is three',
    editedText: 'one and two is four',
    changed: [2, 3],
    clean: [0, 1, 1, 1],
    edited: [0, 1, -1, -2],
  };
}

async function figureInput(rows = ROWS): Promise<FigureInput> {
  const { runs } = await tableInput([{ ...RUN, rows }]);
  const metrics = [1, 2, 3].map((step) => ({ step, reward: step / 10, loss: 1 / step }));
  return {
    runs,
    rowsOf: () => rows,
    piecesOf: () => ['two ', '< three ', '& so on'],
    trainings: ['1', '2'].map((seed) => ({ labels: { method: 'irl', seed }, source: seed, metrics })),
    pairs: [{ labels: { model: 'q' }, source: 'q', pairs: [pair(1)] }],
    trace: {},
  };
}

function build(kind: FigureKindName, input: FigureInput): Figure {
  return FIGURE_KINDS[kind].build(input);
}

describe('figures', () => {
  it('every kind draws the same bytes again and of rows in another order, as XML without controls', async () => {
    const [first, second] = [await figureInput(), await figureInput([...ROWS].reverse())];
    for (const kind of Object.keys(FIGURE_KINDS) as FigureKindName[]) {
      const svg = await figureSvg(build(kind, first));
      expect(await figureSvg(build(kind, second)), kind).toBe(svg);
      expect(svg, kind).toMatch(/^<svg [^>]*>[\s\S]*<\/svg>\n$/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
      expect(svg, kind).not.toMatch(/[\u0000-\u0008]|<q &|NaN|undefined/);
    }
  });

  it('every caption says n', async () => {
    const input = await figureInput();
    for (const kind of Object.keys(FIGURE_KINDS) as FigureKindName[]) {
      expect(build(kind, input).caption.join(' '), kind).toMatch(/\bn: /);
    }
  });

  it('a PNG is an image of the size of the drawing, and not empty', async () => {
    const svg = await figureSvg(build('pass-at-k', await figureInput()));
    const [, width, height] = /width="([\d.]+)" height="([\d.]+)"/.exec(svg)!;
    const png = await svgPng(svg);
    const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
    expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    expect(view.getUint32(16)).toBe(Math.round(Number(width) * PNG_SCALE));
    expect(view.getUint32(20)).toBe(Math.round(Number(height) * PNG_SCALE));
    expect(await svgPng(svg)).toEqual(png);
    expect(png.length).toBeGreaterThan(5000);
  });

  it('pass@k has the values of the metric', async () => {
    const input = await figureInput();
    const { drawing } = build('pass-at-k', input);
    const { data } = (drawing as { spec: { data: { values: { x: number; value: number }[] } } }).spec;
    expect(data.values.map(({ x, value }) => [x, value])).toEqual(
      input.runs[0]!.summary.passAtK.map(({ k, plain }) => [k, 100 * plain.value]),
    );
  });

  it('token rewards: a tokenizer gives the pieces, words take their share without one', async () => {
    const input = await figureInput();
    const byToken = await figureSvg(build('token-rewards', input));
    expect(byToken).toContain('&#38; so on');
    expect(byToken).toContain('Each token has its own score.');
    const byWord = await figureSvg(build('token-rewards', { ...input, piecesOf: () => null }));
    expect(byWord).toContain('no tokenizer was named');
    expect(byWord).toContain('\ufffd');
  });

  it('trace comparison: edited words are marked, another pair than asked for is said', async () => {
    const input = await figureInput();
    const svg = await figureSvg(build('trace-comparison', input));
    expect([...svg.matchAll(/text-decoration="underline"[^>]*>([^<]*)</g)].map(([, word]) => word)).toEqual([
      'three',
      'four',
    ]);
    expect(build('trace-comparison', input).caption[1]).toContain('the one asked for is not there');
    const other = { labels: { model: 'r' }, source: 'r', pairs: [pair(2)] };
    expect(() => build('trace-comparison', { ...input, pairs: [...input.pairs, other] })).toThrow('none in common');
  });

  it('refuses more series than can be told apart', async () => {
    const input = await figureInput();
    const many = { ...input, runs: Array.from({ length: 8 }, () => input.runs[0]!) };
    expect(() => build('pass-at-k', many)).toThrow('at most 7 runs in one figure, got 8');
    expect(() => build('token-rewards', many)).toThrow('expected one run, got 8');
  });
});

describe('densities', () => {
  it('have the area 1', () => {
    const values = [0, 1, 1, 2, 5];
    const area = densityBars(values, 0, 5, 50).reduce((sum, bar) => sum + bar.density * (bar.high - bar.low), 0);
    expect(area).toBeCloseTo(1, 12);
    const curve = kernelDensity(values, -20, 25, 2000);
    expect(curve.reduce((sum, { density }) => sum + density * (45 / 1999), 0)).toBeCloseTo(1, 6);
    expect(kernelDensity([1, 1, 1], 0, 2, 10)).toEqual([]);
  });
});

describe('text', () => {
  it('has the widths of the font', () => {
    const bytes = readFileSync(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf'));
    const { unitsPerEm, advanceOf } = readFontMetrics(bytes);
    // A monospaced font: all characters are as wide, those that it does not have too.
    expect(new Set(['i', 'W', 'é', '→'].map((char) => advanceOf(char.codePointAt(0)!))).size).toBe(1);
    expect(measureText('ab', { size: 10, isMono: true })).toBeCloseTo((20 * advanceOf(97)) / unitsPerEm, 10);
    expect(measureText('iiii', { size: 10 })).toBeLessThan(measureText('WWWW', { size: 10 }));
  });

  it('flows without losing a character, breaks what is too long, and says what it left out', () => {
    const measure = (text: string): number => [...text].length;
    const pieces = ['ab', ' cd', '\nefghijkl', 'm'].map((text) => ({ text, look: 0 }));
    const { pieces: placed, lines } = flowText(pieces, 5, 9, { size: 1 }, measure);
    expect(placed.map(({ text, x, line }) => [text, x, line])).toEqual([
      ['ab', 0, 0],
      [' cd', 2, 0],
      ['efghi', 0, 1],
      ['jkl', 0, 2],
      ['m', 3, 2],
    ]);
    expect(lines).toBe(3);
    expect(flowText(pieces, 5, 1, { size: 1 }, measure)).toMatchObject({ lines: 1, leftOut: 2 });
  });
});
