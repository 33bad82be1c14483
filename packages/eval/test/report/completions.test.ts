import { describe, expect, it } from 'vitest';
import { completionsHtml, type ReportCompletion } from '../../src/report/completions.ts';
import { COLOUR_STEPS } from '../../src/report/style.ts';

function completion(rewards: readonly (number | null)[], overrides: Partial<ReportCompletion> = {}): ReportCompletion {
  return {
    prompt: 'q',
    tokens: rewards.map((reward, i) => ({ text: `t${i} `, reward, forced: false })),
    correct: true,
    gold: '4',
    answer: '4',
    score: 1,
    ...overrides,
  };
}

/** The colour class of each token, '' for none. */
function colours(markup: string): string[] {
  return [...markup.matchAll(/<span(?: class="(\w+)")? title=/g)].map((match) => match[1] ?? '');
}

describe('completions coloured by reward', () => {
  it('share one diverging scale around their common mean', () => {
    const { markup } = completionsHtml([completion([3, 1, -1]), completion([-3, 0, null])]);
    expect(colours(markup)).toEqual([`high${COLOUR_STEPS}`, 'high3', 'low3', `low${COLOUR_STEPS}`, '', '']);
    expect(markup).toContain('centre +0.00');
  });

  it('stay uncoloured when every reward is the same or none is finite', () => {
    expect(colours(completionsHtml([completion([2, 2])]).markup)).toEqual(['', '']);
    expect(colours(completionsHtml([completion([Number.NaN, null])]).markup)).toEqual(['', '']);
  });

  it('stand by prompt, correct before wrong', () => {
    const { markup } = completionsHtml([
      completion([1], { correct: false, answer: null }),
      completion([1], { prompt: 'other' }),
      completion([1]),
    ]);
    expect(markup.match(/class="prompt"/g)).toHaveLength(2);
    expect(markup.match(/✓ correct|✗ wrong/g)).toEqual(['✓ correct', '✗ wrong', '✓ correct']);
    expect(markup).toContain('answer none');
    expect(markup).toContain('(gold 4)');
  });

  it('mark the word that the environment wrote, not its space', () => {
    const forced = { text: ' 8 ', reward: 1, forced: true };
    const { markup } = completionsHtml([completion([], { tokens: [forced, { ...forced, text: '\n' }] })]);
    expect(markup).toContain('> <u>8</u> </span>');
    expect(markup.match(/written by the environment"/g)).toHaveLength(2);
  });

  it('escape tokens, prompts and answers', () => {
    const hostile = '<img src=x onerror=alert(1)>';
    const { markup } = completionsHtml([
      completion([], {
        prompt: hostile,
        gold: hostile,
        answer: hostile,
        correct: false,
        tokens: [{ text: hostile, reward: 1, forced: true }],
      }),
    ]);
    expect(markup).not.toContain('<img');
    expect(markup.match(/&lt;img/g)).toHaveLength(4);
  });
});
