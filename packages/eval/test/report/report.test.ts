import { describe, expect, it } from 'vitest';
import { type ReportInput, renderReport } from '../../src/report/report.ts';
import { sampleReport } from './sample-report.ts';

const input = sampleReport();

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
  it('is one page without scripts, links or anything to load', async () => {
    const page = await renderReport(input);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/<(script|link|img|iframe|object|base)\b/i);
    expect(page).not.toMatch(/\bon\w+=|(?:src|href)=|url\(|@import/i);
    expect(page.match(/<svg/g)!.length).toBeGreaterThan(12);
  });

  it('has every section, with the numbers of its tables', async () => {
    const page = await renderReport(input);
    const headings = [...page.matchAll(/<h2>([^<]*)<\/h2>/g)].map((match) => match[1]);
    expect(headings).toEqual([
      'What was run',
      'Results',
      'Choosing the best of N samples',
      'Learning curves',
      'What the critic sees',
      'How to read this honestly',
      'Terms',
    ]);
    for (const row of input.results) expect(page).toContain((100 * row.passAt1.value).toFixed(1));
    for (const fact of Object.values(input.run)) {
      if (typeof fact === 'string') expect(page).toContain(fact.trimEnd());
    }
  });

  it('gives the same bytes for the same input', async () => {
    expect(await renderReport(sampleReport())).toBe(await renderReport(input));
  });

  it('escapes every string of its input', async () => {
    const { results, rerank, ...rest } = input;
    const attack = (text: string): string => `${text}"'><script>alert(1)</script>`;
    const hostile: ReportInput = {
      ...(withStrings(rest, attack) as typeof rest),
      results: results.map((row) => ({ ...row, name: attack(row.name) })),
      rerank: rerank.map((one) => ({ ...one, policy: attack(one.policy), critic: attack(one.critic) })),
    };
    const page = await renderReport(hostile);
    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;');
  });

  it('calls a run verifier-free only when no checker took part', async () => {
    expect(await renderReport(input)).toContain('R-AIRL here is verifier-free');
    const relabelled = await renderReport({
      ...input,
      method: { ...input.method!, checkerUse: ['relabelling', 'selection'] },
    });
    expect(relabelled).toContain('not verifier-free: an answer checker took part in its relabelling and selection');
    expect(relabelled).toContain('granularity is interval and credit is by sequence');
  });

  it('does not claim a difference that the prompts cannot tell from 0', async () => {
    const [first, ...others] = input.results;
    const unsure = { value: 0.01, low: -0.02, high: 0.04, n: 80, method: 'bootstrap' } as const;
    const page = await renderReport({ ...input, results: [first!, { ...others[0]!, overFirst: unsure }] });
    expect(page).toContain('+1.0 points [−2.0, +4.0], which these prompts cannot tell from 0');
  });

  it('says what is missing or was counted', async () => {
    const [one] = input.rerank as [(typeof input.rerank)[0]];
    const rows = one.bestOfN.rows.map((row) =>
      row.ranker === 'logprob' ? { ...row, estimates: null, unavailable: 'no log-probabilities were stored' } : row,
    );
    const page = await renderReport({
      ...input,
      rerank: [
        { ...one, bestOfN: { ...one.bestOfN, rows }, counts: { ...one.counts, nonFiniteReward: 3, withoutAnswer: 7 } },
      ],
    });
    expect(page).toContain('3 of 1280 SFT completions have no finite reward');
    expect(page).toContain('7 of 1280 SFT completions have no extractable answer');
    expect(page).toContain('log-probability: n/a, since no log-probabilities were stored');
  });

  it('is a page still when there is nothing but a title', async () => {
    const page = await renderReport({
      ...input,
      method: null,
      results: [],
      rerank: [],
      stages: [],
      completions: [],
      notes: [],
    });
    expect(page).toContain(`<h1>${input.title}</h1>`);
    expect(page).not.toContain('undefined');
    expect(page).not.toContain('NaN');
  });
});
