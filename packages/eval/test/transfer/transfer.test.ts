import { describe, expect, it } from 'vitest';
import { parseTransferLabel, transferLabel } from '../../src/transfer/transfer-label.ts';
import { type TransferOptions, type TransferRows, transferMatrix } from '../../src/transfer/transfer-matrix.ts';
import { transferCsv, transferLatex, transferMarkdown, transferText } from '../../src/transfer/transfer-text.ts';
import { promptRows } from '../rows.ts';

const OPTIONS: TransferOptions = { bestOf: 2, selector: 'mean', resamples: 200, seed: 42 };

/** Two prompts with one right sample of two each; the critic prefers the right one, the wrong one, or neither. */
function source(text: string, prefers: 1 | 0 | -1): TransferRows {
  const samples = [
    { correct: true, score: prefers },
    { correct: false, score: 0 },
  ];
  const rows = ['p0', 'p1'].flatMap((prompt) => promptRows(prompt, samples));
  return { label: parseTransferLabel(text)!, file: text, rows };
}

const SOURCES = [
  source('transfer_qwen7b_interval_P_math_R_math_t0p5', 1),
  source('transfer_qwen7b_interval_P_math_R_medicine_t0p5', -1),
  source('transfer_qwen7b_interval_P_medicine_R_math_t0p5', 0),
];

describe('labels', () => {
  it.each([
    ['transfer_qwen7b_partial_fixed_P_math_R_mmlu_t0p5', 'qwen7b', 'partial_fixed', 'math', 'mmlu', 0.5],
    ['transfer_llama8b_dense_P_medicine_R_math_t1p0', 'llama8b', 'dense', 'medicine', 'math', 1],
    ['transfer_llama8b_dense_P_medicine_R_math', 'llama8b', 'dense', 'medicine', 'math', null],
  ] as const)('%s is read and written', (text, arch, variant, policyDomain, rewardDomain, temperature) => {
    const label = { arch, variant, policyDomain, rewardDomain, temperature };
    expect(parseTransferLabel(text)).toEqual(label);
    expect(transferLabel(label)).toBe(text);
  });

  it('of other names are none', () => {
    expect(parseTransferLabel('eval_results_math_qwen7b')).toBeUndefined();
  });
});

describe('transfer', () => {
  it('is the gain of the best of N over a sample, with missing cells listed', () => {
    const matrix = transferMatrix(SOURCES, OPTIONS);
    const delta = Object.fromEntries(
      matrix.cells.map((cell) => [`${cell.policy_domain}/${cell.reward_domain}`, cell.numbers?.delta.value]),
    );
    expect(delta).toEqual({
      'math/math': 0.5,
      'math/medicine': -0.5,
      // Ties are averaged: a critic that says nothing gains nothing.
      'medicine/math': 0,
      'medicine/medicine': undefined,
    });
    expect(matrix.missing).toEqual(['transfer_qwen7b_interval_P_medicine_R_medicine_t0p5']);
    expect(matrix.cells[0]!.numbers).toMatchObject({ prompts: 2, samples: 2 });
    expect(matrix.cells[0]!.numbers!.pass_at_1.value).toBe(0.5);
    expect(matrix.cells[0]!.numbers!.reranked.value).toBe(1);
  });

  it('is the same in any order of files and rows', () => {
    const turned = SOURCES.map((one) => ({ ...one, rows: [...one.rows].reverse() })).reverse();
    expect(transferMatrix(turned, OPTIONS)).toEqual(transferMatrix(SOURCES, OPTIONS));
  });

  it('names the cells that are asked for and not there', () => {
    const matrix = transferMatrix(SOURCES, {
      ...OPTIONS,
      domains: ['math'],
      critics: ['qwen7b_interval', 'llama8b_dense'],
    });
    expect(matrix.missing).toEqual(['transfer_llama8b_dense_P_math_R_math_t0p5']);
  });

  it.each([
    ['a cell that comes twice', [SOURCES[0]!, { ...SOURCES[0]!, file: 'again' }], 'again: expected transfer_'],
    [
      'samples of two policies under one domain',
      [SOURCES[0]!, { ...SOURCES[1]!, rows: SOURCES[1]!.rows.map((row) => ({ ...row, correctness_reward_func: 2 })) }],
      'expected the samples of',
    ],
    [
      'rows without scores',
      [{ ...SOURCES[0]!, rows: SOURCES[0]!.rows.map((row) => ({ ...row, reward_model_score: null })) }],
      'expected critic scores in every row',
    ],
  ])('refuses %s', (_, sources, message) => expect(() => transferMatrix(sources, OPTIONS)).toThrow(message));

  it('refuses an N above the samples', () => {
    expect(() => transferMatrix(SOURCES, { ...OPTIONS, bestOf: 16 })).toThrow(
      'expected at least 16 samples a prompt, got 2',
    );
  });
});

describe('tables', () => {
  const matrix = transferMatrix(
    [...SOURCES, { ...SOURCES[0]!, label: { ...SOURCES[0]!.label, variant: '100%_x&y' } }],
    OPTIONS,
  );

  it('say n, intervals and what is missing', () => {
    const text = transferText(matrix);
    expect(text).toContain('+50.0');
    expect(text).toContain('n = 2');
    expect(text).toContain('Missing: ');
    expect(transferMarkdown(matrix)).toContain('| medicine |');
  });

  it('escape what LaTeX and spreadsheets would act on', () => {
    const latex = transferLatex(matrix);
    expect(latex).toContain('\\texttt{qwen7b\\_100\\%\\_x\\&y}');
    expect(latex.split('\n').filter((line) => line.includes('--'))).not.toHaveLength(0);
    const csv = transferCsv({ ...matrix, cells: [{ ...matrix.cells[0]!, critic: '=HYPERLINK("x")' }] });
    expect(csv).toContain('"\'=HYPERLINK(""x"")"');
    expect(transferCsv(matrix).trimEnd().split('\r\n')).toHaveLength(1 + matrix.cells.length);
  });
});
