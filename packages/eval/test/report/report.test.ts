import { describe, expect, it } from 'vitest';
import { renderReport } from '../../src/report/render-report.ts';
import type { ReportInput } from '../../src/report/report-input.ts';
import { sampleReport } from './sample-report.ts';

const input = sampleReport();
const script = 'document.title;';
const page = await renderReport(input, { script });

/** Replaces every string in a value, as deep as it goes. */
function withStrings(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (Array.isArray(value)) return value.map((item) => withStrings(item, replace));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withStrings(item, replace)]));
  }
  return value;
}

describe('the report', () => {
  it('is one page with a policy that allows its own script and style alone, and nothing to load', () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!;
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'$/,
    );
    expect(page).not.toMatch(/<(link|img|iframe|object|base|form)\b/i);
    expect(page).not.toMatch(/<[^>]*\s(?:on\w+|style|src)=|href="(?!#)|url\(|@import/i);
    // Beside the script there are only blocks of data.
    expect(page.match(/<script(?! type="application\/octet-stream")/g)).toHaveLength(1);
  });

  it('has every section; the numbers of its tables stand in it as text', () => {
    const headings = [...page.matchAll(/<h2[^>]*>([^<]*)<\/h2>/g)].map((match) => match[1]);
    expect(headings).toEqual([
      'What was run',
      'Results',
      'Choosing the best of N samples',
      'Can the reward be believed?',
      'Where the first error is',
      'Learning curves',
      'Completions',
      'In what two runs differ',
      'Configuration and environment',
      'How to read this honestly',
      'Terms',
    ]);
    for (const row of input.summary.results) expect(page).toContain((100 * row.passAt1.value).toFixed(1));
    for (const [, value] of input.runs[0]!.facts) expect(page).toContain(value);
    expect(page).toContain('n/a: no folder of a localisation was given.');
    expect(page).toContain('SFT: 3 further completions are not in this page.');
  });

  it('draws the charts of a section, and leaves out the parts that a report of its kind does not have', async () => {
    const plot = {
      label: 'by method',
      x: { title: '', ticks: [0], tickLabels: ['SFT'] },
      y: { title: '%' },
      lines: [{ name: 'mean', colour: 'blue', shape: 'points' as const, x: [0], y: [58], low: [51], high: [65] }],
      bars: [],
    };
    const section = { title: 'Claims', paragraphs: ['one < two'], plots: [{ caption: 'by method', plot }], tables: [] };
    const own = await renderReport(
      { ...input, lede: 'It holds.', sections: [section], without: ['difference', 'curves'] },
      { script },
    );
    const headings = [...own.matchAll(/<h2[^>]*>([^<]*)<\/h2>/g)].map((match) => match[1]);
    expect(headings).toContain('Claims');
    expect(headings).not.toContain('In what two runs differ');
    expect(headings).not.toContain('Learning curves');
    expect(own).toContain('<p class="lede">It holds.</p>');
    expect(own).toContain('<p>one &lt; two</p><figure><div class="plot" data-plot="part-0-0">');
  });

  it('gives the same bytes for the same input', async () => {
    expect(await renderReport(sampleReport(), { script })).toBe(page);
  });

  it('escapes every string of its input, and shows what does not print', async () => {
    const { summary, ...rest } = input;
    const attack = (text: string): string => `${text}"'></script><script>alert(1)</script>\u0000\u001b[31m\u202e\ud800`;
    const hostile: ReportInput = {
      ...(withStrings(rest, attack) as typeof rest),
      summary: {
        ...summary,
        results: summary.results.map((row) => ({ ...row, name: attack(row.name) })),
        rerank: summary.rerank.map((one) => ({ ...one, policy: attack(one.policy), critic: attack(one.critic) })),
      },
    };
    const text = await renderReport(hostile, { script });
    expect(text.match(/<script(?! type="application\/octet-stream")/g)).toHaveLength(1);
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;␀␛[31m⟨202e⟩\ufffd');
    expect(text).not.toContain('\u0000');
    expect(text).not.toContain('\u202e');
  });

  it('calls a run verifier-free only when no checker took part', async () => {
    expect(page).toContain('none: no answer checker took part');
    const [run] = input.runs as [ReportInput['runs'][0]];
    const used = await renderReport({ ...input, runs: [{ ...run, checkerUse: ['labels', 'the reward'] }] }, { script });
    expect(used).toContain('an answer checker took part: labels; the reward');
    const unknown = await renderReport({ ...input, runs: [{ ...run, checkerUse: null }] }, { script });
    expect(unknown).toContain('n/a: the configuration does not tell');
  });

  it('does not claim a difference that the prompts cannot tell from 0', async () => {
    const [first, second] = input.summary.results;
    const unsure = { value: 0.01, low: -0.02, high: 0.04, n: 80, method: 'bootstrap' } as const;
    const summary = { ...input.summary, results: [first!, { ...second!, overFirst: unsure }] };
    const text = await renderReport({ ...input, summary }, { script });
    expect(text).toContain('+1.0 points [−2.0, +4.0], which these prompts cannot tell from 0');
  });

  it('says what is missing or was counted', async () => {
    const [one] = input.summary.rerank as [(typeof input.summary.rerank)[0]];
    const rows = one.bestOfN.rows.map((row) =>
      row.ranker === 'logprob' ? { ...row, estimates: null, unavailable: 'no log-probabilities were stored' } : row,
    );
    const counts = { ...one.counts, nonFiniteReward: 3, withoutAnswer: 7 };
    const rerank = [{ ...one, bestOfN: { ...one.bestOfN, rows }, counts }];
    const text = await renderReport({ ...input, summary: { ...input.summary, rerank } }, { script });
    expect(text).toContain('3 of 1280 SFT completions have no finite reward');
    expect(text).toContain('7 of 1280 SFT completions have no extractable answer');
    expect(text).toContain('log-probability: n/a, since no log-probabilities were stored');
  });

  it('is a page still when there is nothing but a title', async () => {
    const text = await renderReport(
      {
        title: 'Nothing',
        runs: [],
        summary: { schema: 2, bootstrap: null, results: [], rerank: [] },
        stages: [],
        sections: [],
        difference: null,
        completions: [],
        missing: {},
        notes: [],
      },
      { script },
    );
    expect(text).toContain('<h1>Nothing</h1>');
    expect(text.replace(/<script.*<\/script>/g, '')).not.toMatch(/undefined|NaN/);
    expect(text.match(/n\/a: the folders given hold nothing of it/g)).toHaveLength(7);
  });
});
