import { describe, expect, it } from 'vitest';
import type { PaperTable } from '../../src/tables/paper-table.ts';
import { writeCsv } from '../../src/tables/write-csv.ts';
import { writeLatex } from '../../src/tables/write-latex.ts';
import { writeMarkdown } from '../../src/tables/write-markdown.ts';

const HOSTILE = '\\input{x}%$&#_{}~^<b>|"[1]\u0000--\nnext';

const TABLE: PaperTable = {
  name: 'golden',
  title: 'Golden 50 %',
  columns: [
    { header: 'run', align: 'left' },
    { header: 'pass@1 %', align: 'right' },
    { header: 'Δ', align: 'right' },
    { header: 'n', align: 'right' },
  ],
  rows: [
    [
      'a',
      { value: 0.5714, low: 0.512, high: 0.628, unit: 'percent', emphasis: 'best' },
      { value: -0.031, low: -0.05, high: 0.01, unit: 'points' },
      { value: 12, unit: 'count' },
    ],
    [
      '=1+1',
      { value: 0.1, low: 0.05, high: 0.15, unit: 'percent', emphasis: 'second', isMarked: true },
      { value: null, unit: 'points' },
      { value: 9, unit: 'count' },
    ],
  ],
  intervals: 'bounds',
  decimals: 1,
  notes: ['n: 12 prompts.'],
};

function withName(name: string): PaperTable {
  return { ...TABLE, rows: [[name, ...TABLE.rows[0]!.slice(1)]] };
}

describe('writing a table', () => {
  it('LaTeX', () => {
    const lines = writeLatex(TABLE).split('\n');
    expect(lines).toContain('\\caption{Golden 50 \\%}');
    expect(lines).toContain('\\begin{tabular}{lrrr}');
    expect(lines).toContain('run & pass@1 \\% & $\\Delta$ & n \\\\');
    expect(lines).toContain(
      'a & \\textbf{57.1}{\\scriptsize\\,[51.2, 62.8]} & $-$3.1{\\scriptsize\\,[$-$5.0, +1.0]} & 12 \\\\',
    );
    expect(lines).toContain('=1+1 & \\underline{10.0}{\\scriptsize\\,[5.0, 15.0]}{\\color{gray}*} & n/a & 9 \\\\');
    expect(lines).toContain('\\par\\footnotesize n: 12 prompts.');
  });

  it('LaTeX of a hostile name has no command and stays in its row', () => {
    const row = writeLatex(withName(HOSTILE))
      .split('\n')
      .find((line) => line.includes('input'))!;
    expect(row.split(' & \\textbf')[0]).toBe(
      '\\textbackslash{}input\\{x\\}\\%\\$\\&\\#\\_\\{\\}\\textasciitilde{}\\textasciicircum{}' +
        '\\textless{}b\\textgreater{}\\textbar{}\\textquotedblright{}{[}1{]} -{}- next',
    );
  });

  it('Markdown', () => {
    expect(writeMarkdown(TABLE).split('\n').slice(0, 6)).toEqual([
      '### Golden 50 %',
      '',
      '| run | pass@1 % | Δ | n |',
      '|---|---:|---:|---:|',
      '| a | **57.1** [51.2, 62.8] | -3.1 [-5.0, +1.0] | 12 |',
      '| =1+1 | <u>10.0</u> [5.0, 15.0] \\* | n/a | 9 |',
    ]);
    const row = writeMarkdown(withName(HOSTILE)).split('\n')[4]!;
    expect(row.startsWith('| \\\\input{x}%$\\&#\\_{}\\~^\\<b\\>\\|"\\[1\\] -- next | ')).toBe(true);
  });

  it('half widths', () => {
    const half: PaperTable = { ...TABLE, intervals: 'half-width' };
    expect(writeMarkdown(half)).toContain('| **57.1** ± 5.8 | -3.1 ± 3.0 |');
    expect(writeLatex(half)).toContain('{\\scriptsize\\,$\\pm$ 5.8}');
  });

  it('CSV has every number, and no text that a spreadsheet would run', () => {
    expect(writeCsv(TABLE)).toBe(
      'run,pass@1 %,pass@1 % low,pass@1 % high,Δ,Δ low,Δ high,n\r\n' +
        'a,57.14,51.2,62.8,-3.1,-5,1,12\r\n' +
        "'=1+1,10,5,15,,,,9\r\n",
    );
    for (const name of ['=cmd()', '+1', '-1', '@sum', '\tx', '\r=1']) {
      const [cell] = /^"?'/.exec(writeCsv(withName(name)).split('\r\n').slice(1).join('\r\n')) ?? [];
      expect(cell, JSON.stringify(name)).toBeDefined();
    }
    expect(writeCsv(withName('a,"b"\nc'))).toContain('"a,""b""\nc",57.14');
  });
});
