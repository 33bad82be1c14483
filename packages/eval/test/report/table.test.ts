import { describe, expect, it } from 'vitest';
import { renderMarkdownTable, renderTextTable, type Table } from '../../src/report/table.ts';

const table: Table = {
  columns: [
    { header: 'policy', align: 'left' },
    { header: '%', align: 'right' },
  ],
  rows: [
    ['R-AIRL', '7.5'],
    ['a|b', 'n/a'],
    ['🙂', '100.0'],
  ],
};

describe('tables', () => {
  it('align their columns in plain text', () => {
    expect(renderTextTable(table)).toBe(
      ['policy      %', '------  -----', 'R-AIRL    7.5', 'a|b       n/a', '🙂       100.0'].join('\n'),
    );
  });

  it('escape what Markdown would take for a column or a row', () => {
    expect(renderMarkdownTable(table).split('\n')).toEqual([
      '| policy | % |',
      '|---|---:|',
      '| R-AIRL | 7.5 |',
      '| a\\|b | n/a |',
      '| 🙂 | 100.0 |',
    ]);
    expect(renderMarkdownTable({ ...table, rows: [['a\nb', '\\']] }).split('\n')[2]).toBe('| a<br>b | \\\\ |');
  });

  it('leave missing cells empty', () => {
    expect(renderTextTable({ ...table, rows: [['only']] })).toContain('\nonly');
  });
});
