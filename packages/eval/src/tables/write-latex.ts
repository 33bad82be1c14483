import { intervalText, type NumberCell, numberText, type PaperCell, type PaperTable } from './paper-table.ts';

const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '#': '\\#',
  '%': '\\%',
  _: '\\_',
  '^': '\\textasciicircum{}',
  '~': '\\textasciitilde{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': '\\textquotedblright{}',
  '±': '$\\pm$',
  Δ: '$\\Delta$',
  '−': '$-$',
};

/** Text that LaTeX sets as it stands: nothing in it is a command, and line breaks and controls are spaces. */
function latexText(text: string): string {
  return (
    text
      .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
      .replace(/[\\{}$&#%_^~<>|"±Δ−]/g, (char) => SPECIAL[char]!)
      // Two hyphens would be a dash, and an opening bracket after \\ an optional argument.
      .replace(/--/g, '-{}-')
      .replace(/\[/g, '{[}')
      .replace(/\]/g, '{]}')
      .trim()
  );
}

/** A `table` for a paper. Needs the packages booktabs and xcolor. */
export function writeLatex(table: PaperTable): string {
  const line = (cells: readonly string[]): string => `${cells.join(' & ')} \\\\`;
  return [
    '% Needs \\usepackage{booktabs,xcolor}.',
    '\\begin{table}[t]',
    '\\centering',
    `\\caption{${latexText(table.title)}}`,
    `\\label{tab:${table.name}}`,
    '\\small',
    `\\begin{tabular}{${table.columns.map(({ align }) => align.charAt(0)).join('')}}`,
    '\\toprule',
    line(table.columns.map(({ header }) => latexText(header))),
    '\\midrule',
    ...table.rows.map((row) => line(table.columns.map((_, c) => latexCell(row[c] ?? '', table)))),
    '\\bottomrule',
    '\\end{tabular}',
    ...table.notes.map((note) => `\\par\\footnotesize ${latexText(note)}`),
    '\\end{table}',
    '',
  ].join('\n');
}

function latexCell(cell: PaperCell, table: PaperTable): string {
  if (typeof cell === 'string') return latexText(cell);
  return `${emphasis(cell, latexNumber(numberText(cell, table.decimals)))}${latexInterval(cell, table)}${
    cell.isMarked === true ? '{\\color{gray}*}' : ''
  }`;
}

function emphasis({ emphasis: kind }: NumberCell, text: string): string {
  if (kind === 'best') return `\\textbf{${text}}`;
  return kind === 'second' ? `\\underline{${text}}` : text;
}

/** A hyphen before a digit is a minus sign. */
function latexNumber(text: string): string {
  return text.replace(/-(?=\d)/g, '$-$');
}

function latexInterval(cell: NumberCell, table: PaperTable): string {
  const text = latexNumber(intervalText(cell, table, '$\\pm$'));
  return text === '' ? '' : `{\\scriptsize\\,${text.trim()}}`;
}
