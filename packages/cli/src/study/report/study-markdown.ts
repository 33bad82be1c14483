import type { ReportSection, Table } from '@dawngrad/eval';
import { type StudyReport, studyHeadlines, studySections } from './study-report.ts';

/** A drawing beside the report. */
export interface FigureFile {
  /** Relative to the report. */
  readonly path: string;
  /** The title of the section that it stands in. */
  readonly section: string;
  readonly text: string;
}

/** The whole report in Markdown, with its columns aligned so that a terminal shows it too. Text of names is text. */
export function studyMarkdown(report: StudyReport, figures: readonly FigureFile[]): string {
  const blocks = [
    `# ${markdownText(report.title)}`,
    studyHeadlines(report)
      .map((line) => `- ${markdownText(line)}`)
      .join('\n'),
    `Made by: ${markdownText(report.command)}`,
    ...studySections(report).flatMap((section) => [
      ...sectionBlocks(section),
      ...figures
        .filter((figure) => figure.section === section.title)
        .map(({ path, text }) => `![${markdownText(text)}](${path})`),
    ]),
    '## How to read this',
    report.notes.map((note) => `- ${markdownText(note)}`).join('\n'),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function sectionBlocks({ title, paragraphs, tables }: ReportSection): string[] {
  return [
    `## ${markdownText(title)}`,
    ...paragraphs.map(markdownText),
    ...tables.flatMap(({ caption, table }) => [`**${markdownText(caption)}**`, markdownTable(table)]),
  ];
}

/** A GitHub table whose columns are as wide as their widest cell. */
function markdownTable({ columns, rows }: Table): string {
  const head = columns.map(({ header }) => markdownText(header));
  const body = rows.map((row) => columns.map((_, c) => markdownText(row[c] ?? '')));
  const widths = columns.map((_, c) => Math.max(3, ...[head, ...body].map((row) => [...row[c]!].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells
      .map((cell, c) => {
        const fill = ' '.repeat(widths[c]! - [...cell].length);
        return columns[c]!.align === 'right' ? fill + cell : cell + fill;
      })
      .join(' | ')} |`;
  const rule = columns.map(({ align }, c) =>
    align === 'right' ? `${'-'.repeat(widths[c]! - 1)}:` : '-'.repeat(widths[c]!),
  );
  return [line(head), `| ${rule.join(' | ')} |`, ...body.map(line)].join('\n');
}

/**
 * Text that Markdown shows as it is: no tags, links, emphasis, cells or lines come of it, and no characters that do not
 * show. Brackets stay readable, since they only become a link with what may follow them.
 */
function markdownText(text: string): string {
  return (
    text
      .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ')
      .replace(/[\\`*_<>|~&]|\](?=\s*[[(:])|!(?=\[)/g, (char) => `\\${char}`)
      .replace(/:\/\//g, ':\\/\\/')
      // A line that began like this would be a heading, an item of a list or a rule.
      .replace(/^\s*([#+-]\s|[-=+#]+$)/, '\\$1')
      .replace(/^\s*(\d+)([.)]\s)/, '$1\\$2')
      .trim()
  );
}
