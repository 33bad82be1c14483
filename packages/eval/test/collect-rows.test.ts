import { describe, expect, it } from 'vitest';
import { collectRows } from '../src/collect-rows.ts';
import { evaluateRows } from '../src/evaluate-rows.ts';
import { formatReferenceRow } from '../src/reference-row.ts';
import { formatRow } from '../src/row.ts';
import { promptRows, row } from './rows.ts';

/** A line as the reference's evaluator writes it. */
function published(prompt: string, index: number, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    prompt: [
      { role: 'system', content: 'Think first.' },
      { role: 'user', content: prompt },
    ],
    generation: { content: `<think>\n2 + ${index}\n</think>\n<answer>\n${index}\n</answer>` },
    generation_idx: index,
    reward_model_score: [0.5, -1, index],
    xmlcount_reward_func: 0.501,
    correctness_reward_func: index === 1 ? 2.0 : 0.0,
    ...more,
  });
}

describe("the reference's files", () => {
  const lines = ['a', 'b'].flatMap((prompt) => [0, 1].map((index) => published(prompt, index)));

  it('are read: prompts named by their text, answers extracted, verdicts kept', async () => {
    const { rows, format } = await collectRows(lines, 'eval_results_gsm8k.jsonl');
    expect(format).toBe('reference');
    expect(rows[1]).toMatchObject({
      run_id: 'eval_results_gsm8k.jsonl',
      completion_ids: null,
      gold: null,
      answer: '1',
      policy_log_probs: null,
      reward_model_score: [0.5, -1, 1],
      correctness_reward_func: 2,
    });
    expect(new Set(rows.map((one) => one.prompt_id)).size).toBe(2);
    const summary = evaluateRows(rows);
    expect(summary.passAtK[0]!.plain.value).toBe(0.5);
    expect(summary.bestOfN.rows.find((one) => one.ranker === 'reward')!.estimates!.at(-1)!.value).toBe(1);
    expect(summary.bestOfN.rows.find((one) => one.ranker === 'logprob')!.estimates).toBeNull();
  });

  it('are read whatever their order (D28)', async () => {
    const one = await collectRows(lines, 'a.jsonl');
    const other = await collectRows([...lines].reverse(), 'a.jsonl');
    expect(evaluateRows(other.rows)).toEqual(evaluateRows(one.rows));
  });

  it('take [0] as scores that were not computed, and NaN as Python writes it', async () => {
    const off = published('a', 0, { reward_model_score: [0] });
    const nan = published('a', 1).replace('[0.5,-1,1]', '[0.5, NaN, -Infinity]');
    const { rows } = await collectRows([off, nan], 'a.jsonl');
    expect(rows[0]!.reward_model_score).toBeNull();
    expect(rows[1]!.reward_model_score).toEqual([0.5, Number.NaN, Number.NaN]);
  });

  it('leave "NaN" in texts alone', async () => {
    const text = published('a NaN', 0, { reward_model_score: [1] }).replace('[1]', '[NaN]');
    expect((await collectRows([text], 'a.jsonl')).rows[0]!.prompt[1]!.content).toBe('a NaN');
  });

  it('with a prompt twice have its samples under one prompt, in any order (D30)', async () => {
    const twice = [...lines, published('a', 0, { reward_model_score: [7] }), published('a', 1)];
    const one = await collectRows(twice, 'a.jsonl');
    expect(one.repeatedPrompts).toHaveLength(1);
    const a = one.rows.filter((row) => row.prompt_id === one.repeatedPrompts[0]);
    expect(a.map((row) => row.generation_idx)).toEqual([0, 1, 2, 3]);
    const other = await collectRows([...twice].reverse(), 'a.jsonl');
    expect(evaluateRows(other.rows)).toEqual(evaluateRows(one.rows));
  });

  it('name fields that mean nothing here, and all faults of a row', async () => {
    const { ignoredFields } = await collectRows([published('a', 0, { extra: 1, note: 'x' })], 'a.jsonl');
    expect(ignoredFields).toEqual(['extra', 'note']);
    const bad = published('a', -1, { correctness_reward_func: 'yes', reward_model_score: 'no' });
    await expect(collectRows([lines[0]!, bad], 'a.jsonl')).rejects.toThrow(
      /a\.jsonl:2.*generation_idx.*reward_model_score.*correctness_reward_func/s,
    );
  });

  it('are written, and read back to the same numbers', async () => {
    const ours = [
      ...promptRows('p', [{ correct: true, score: 2 }, { correct: false }, { correct: true, score: null }]),
      row({ prompt_id: 'q', prompt: [{ role: 'user', content: 'Why?' }], correctness_reward_func: 1 }),
    ];
    const { rows } = await collectRows(ours.map(formatReferenceRow), 'a.jsonl');
    expect(rows.map((one) => one.reward_model_score)).toEqual(ours.map((one) => one.reward_model_score));
    expect(rows.map((one) => one.policy_log_probs)).toEqual(ours.map((one) => one.policy_log_probs));
    expect(rows.map((one) => one.correctness_reward_func)).toEqual([2, 0, 2, 2]);
    expect(JSON.parse(formatReferenceRow(ours[2]!)).reward_model_score).toEqual([0]);
  });
});

describe('damaged files', () => {
  const whole = ['p', 'q'].flatMap((id) => promptRows(id, [{ correct: true }, { correct: false }]).map(formatRow));

  it('are refused with the line', async () => {
    const cut = [...whole.slice(0, 3), whole[3]!.slice(0, 40)];
    await expect(collectRows(cut, 'a.jsonl')).rejects.toThrow(/a\.jsonl:4.*--tolerate/s);
  });

  it('are read with tolerance up to whole prompts, and say what they lost', async () => {
    const cut = [...whole.slice(0, 3), whole[3]!.slice(0, 40)];
    const found = await collectRows(cut, 'a.jsonl', { tolerate: true });
    expect(found.rows.map((one) => one.prompt_id)).toEqual(['p', 'p']);
    expect(found.skipped.map(({ line }) => line)).toEqual([4]);
    expect(found.incompletePrompts).toEqual(['q']);
  });

  it('with rows of another schema name it', async () => {
    const other = JSON.stringify({ ...row(), schema: 7 });
    await expect(collectRows([whole[0]!, other], 'a.jsonl')).rejects.toThrow(/a\.jsonl:2.*schema: not 1/s);
    const found = await collectRows([other, ...whole], 'a.jsonl', { tolerate: true });
    expect(found.rows).toHaveLength(4);
  });

  it('of both kinds are refused', async () => {
    await expect(collectRows([whole[0]!, published('a', 0)], 'a.jsonl')).rejects.toThrow('a.jsonl:2');
  });

  it('without a readable line are an error, also with tolerance', async () => {
    await expect(collectRows(['{'], 'a.jsonl', { tolerate: true })).rejects.toThrow('1 lines, none of them readable');
  });
});

describe('hostile completions', () => {
  const texts = [
    '<script>alert(1)</script><img src=x onerror=alert(1)>',
    '\u001b[2J\u001b]0;title\u0007\u0000 NUL',
    '\ud800 alone \udfff',
    `<answer>${'<answer>'.repeat(1000)}`,
    'x'.repeat(1_000_000),
  ];

  it('are kept byte for byte and change no number', async () => {
    const rows = texts.map((content, generation_idx) => row({ generation: { content }, generation_idx }));
    const { rows: read } = await collectRows(rows.map(formatRow), 'a.jsonl');
    expect(read.map((one) => one.generation.content)).toEqual(texts);
    const plain = rows.map((one) => ({ ...one, generation: { content: 'x' } }));
    expect(evaluateRows(read).passAtK).toEqual(evaluateRows(plain).passAtK);
    const { rows: published } = await collectRows(rows.map(formatReferenceRow), 'a.jsonl');
    expect(published.map((one) => one.generation.content)).toEqual(texts);
  });
});
