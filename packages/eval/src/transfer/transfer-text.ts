import { formatEstimate, formatPoints, NOT_AVAILABLE } from '../report/format.ts';
import { renderMarkdownTable, renderTextTable, type Table } from '../report/table.ts';
import type { TransferCell, TransferMatrix } from './transfer-matrix.ts';

/** The matrices for the terminal: one a critic. */
export function transferText(matrix: TransferMatrix): string {
  const tables = matrix.critics.map((critic) => `${critic}\n${renderTextTable(tableOf(matrix, critic))}`);
  return [...tables, `${notes(matrix).join('\n')}`].join('\n\n');
}

export function transferMarkdown(matrix: TransferMatrix): string {
  const tables = matrix.critics.map((critic) => `### ${critic}\n\n${renderMarkdownTable(tableOf(matrix, critic))}`);
  return `${[...tables, ...notes(matrix)].join('\n\n')}\n`;
}

/** One table of all critics in LaTeX with booktabs; the diagonal in italics, a missing cell "--". */
export function transferLatex(matrix: TransferMatrix): string {
  const { critics, domains } = matrix;
  const head = critics.map((critic) => `\\multicolumn{${domains.length}}{c}{\\texttt{${escapeLatex(critic)}}}`);
  const rows = domains.map((policy) => {
    const cells = critics.flatMap((critic) =>
      domains.map((reward) => {
        const delta = cellOf(matrix, critic, policy, reward)?.numbers?.delta;
        if (delta === undefined) return '--';
        const text = `$${formatPoints(delta.value)}$ {\\scriptsize[$${formatPoints(delta.low)}$, $${formatPoints(delta.high)}$]}`;
        return policy === reward ? `\\textit{${text}}` : text;
      }),
    );
    return `${[escapeLatex(policy), ...cells].join(' & ')} \\\\`;
  });
  return [
    `% ${notes(matrix).join('\n% ')}`,
    `\\begin{tabular}{l${'c'.repeat(critics.length * domains.length)}}`,
    '\\toprule',
    `${['policy', ...head].join(' & ')} \\\\`,
    `${['', ...critics.flatMap(() => domains.map(escapeLatex))].join(' & ')} \\\\`,
    '\\midrule',
    ...rows,
    '\\bottomrule',
    '\\end{tabular}',
    '',
  ].join('\n');
}

/** A line a cell, missing ones with empty numbers; shares, not per cent. */
export function transferCsv({ cells, best_of }: TransferMatrix): string {
  const header = [
    ...['label', 'critic', 'policy_domain', 'reward_domain', 'best_of', 'prompts', 'pass_at_1', 'reranked'],
    ...['delta', 'delta_low', 'delta_high', 'p'],
  ];
  const lines = cells.map(({ label, critic, policy_domain, reward_domain, numbers: n }) =>
    [
      ...[label, critic, policy_domain, reward_domain].map(csvText),
      ...[best_of, n?.prompts, n?.pass_at_1.value, n?.reranked.value],
      ...[n?.delta.value, n?.delta.low, n?.delta.high, n?.p],
    ].map((value) => value ?? ''),
  );
  return [header, ...lines].map((line) => `${line.join(',')}\r\n`).join('');
}

function tableOf(matrix: TransferMatrix, critic: string): Table {
  return {
    columns: [
      { header: 'policy \\ reward', align: 'left' },
      ...matrix.domains.map((header) => ({ header, align: 'right' as const })),
    ],
    rows: matrix.domains.map((policy) => [
      policy,
      ...matrix.domains.map((reward) => {
        const numbers = cellOf(matrix, critic, policy, reward)?.numbers;
        return numbers ? formatEstimate(numbers.delta, formatPoints) : NOT_AVAILABLE;
      }),
    ]),
  };
}

function notes({ best_of, selector, bootstrap, missing, cells }: TransferMatrix): string[] {
  const prompts = [...new Set(cells.flatMap(({ numbers }) => numbers?.prompts ?? []))].sort((a, b) => a - b);
  return [
    `Points of the best of ${best_of} by the critic (${selector} of token scores) over a sample of the policy as it is.`,
    `95 % intervals over prompts (n = ${prompts.join(', ') || '0'}), paired; bootstrap, ${bootstrap.resamples} resamples, seed ${bootstrap.seed}.`,
    ...(missing.length === 0 ? [] : [`Missing: ${missing.join(', ')}.`]),
  ];
}

function cellOf({ cells }: TransferMatrix, critic: string, policy: string, reward: string): TransferCell | undefined {
  return cells.find((cell) => cell.critic === critic && cell.policy_domain === policy && cell.reward_domain === reward);
}

function escapeLatex(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '\\': '\\textbackslash{}',
    '~': '\\textasciitilde{}',
    '^': '\\textasciicircum{}',
  };
  return text.replace(/[\\~^&%$#_{}]/g, (char) => escapes[char] ?? `\\${char}`);
}

/** Quoted; a text that a spreadsheet would take for a formula is led by an apostrophe. */
function csvText(text: string): string {
  return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}
