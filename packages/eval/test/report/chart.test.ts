import { describe, expect, it } from 'vitest';
import { bestOfChart, curveChart, passAtKChart, rewardChart } from '../../src/report/chart.ts';
import { styleSheet } from '../../src/report/style.ts';
import { sampleReport } from './sample-report.ts';

const report = sampleReport();

/** Values that Vega writes into the label of each mark. */
function marks(svg: string, role: string): string[] {
  return [...svg.matchAll(/aria-label="([^"]*)"[^>]*aria-roledescription="([^"]*)"/g)]
    .filter((match) => match[2] === role)
    .map((match) => match[1]!);
}

describe('charts', () => {
  it('draw a bar and a whisker for each policy and k', async () => {
    const svg = await passAtKChart(report.results);
    const bars = marks(svg, 'bar');
    expect(bars).toHaveLength(16);
    expect(marks(svg, 'rule mark')).toHaveLength(16);
    const { value } = report.results[3]!.passAt1;
    expect(bars).toContainEqual(
      expect.stringMatching(new RegExp(`k: pass@1; .*${(100 * value).toFixed(3).slice(0, 5)}.*policy: R-AIRL`)),
    );
  });

  it('draw a line for each way to choose that is available', async () => {
    const [{ bestOfN }] = report.rerank as [(typeof report.rerank)[0]];
    expect(marks(await bestOfChart(bestOfN), 'line mark')).toHaveLength(7);
    const without = {
      ...bestOfN,
      rows: bestOfN.rows.map((row) => (row.ranker === 'logprob' ? { ...row, estimates: null } : row)),
    };
    const svg = await bestOfChart(without);
    expect(marks(svg, 'line mark')).toHaveLength(6);
    expect(svg).not.toContain('log-probability');
  });

  it('draw histograms as shares of their class', async () => {
    const svg = await rewardChart({ edges: [0, 1, 2], correct: [1, 3], wrong: [0, 0] });
    expect(svg).toContain('correct (4)');
    expect(svg).toContain('wrong (0)');
    expect(marks(svg, 'bar').filter((label) => /: 75;/.test(label))).toHaveLength(1);
  });

  it('draw a metric raw and averaged', async () => {
    const svg = await curveChart({
      key: 'loss',
      label: 'loss',
      points: [
        [0, 3],
        [1, 2],
        [2, 1],
      ],
    });
    expect(marks(svg, 'line mark')).toHaveLength(2);
  });

  it('give the same bytes every time', async () => {
    expect(await passAtKChart(report.results)).toBe(await passAtKChart(report.results));
  });

  it('use only colours of the style sheet', async () => {
    const svgs = [await passAtKChart(report.results), await bestOfChart(report.rerank[0]!.bestOfN)];
    const css = styleSheet();
    for (const [, name] of svgs.join('').matchAll(/var\(--(\w+)\)/g)) expect(css).toContain(`--${name}:`);
    expect(svgs.join('')).not.toMatch(/(fill|stroke)="(#|white|black)/);
  });

  it('escape names', async () => {
    const hostile = report.results.map((row) => ({ ...row, name: `<script>${row.name}` }));
    expect(await passAtKChart(hostile)).not.toContain('<script');
  });
});
