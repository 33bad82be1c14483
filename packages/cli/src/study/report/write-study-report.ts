import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { renderReport } from '@dawngrad/eval';
import { figureSvg } from '@dawngrad/eval/node';
import { writeFileAtomically } from '@dawngrad/models/node';
import { pageScript } from '../../report/page-script.ts';
import { studyFigures } from './study-figures.ts';
import { type FigureFile, studyMarkdown } from './study-markdown.ts';
import { studyPage } from './study-page.ts';
import type { StudyReport } from './study-report.ts';

/** Where figures lie, beside the report. */
const FIGURES = 'figures';

/**
 * Writes study.json, report.md, report.html and the figures of report.md into a study's folder.
 *
 * @returns the paths written, the page last
 */
export async function writeStudyReport(dir: string, report: StudyReport): Promise<string[]> {
  mkdirSync(join(dir, FIGURES), { recursive: true });
  const figures: FigureFile[] = [];
  for (const { figure, section } of report.results.flatMap(studyFigures)) {
    const path = `${FIGURES}/${figure.name}.svg`;
    await write(join(dir, path), await figureSvg(figure));
    figures.push({ path, section, text: figure.caption.join(' ') });
  }
  const files = [
    ['study.json', `${JSON.stringify(report, null, 2)}\n`],
    ['report.md', studyMarkdown(report, figures)],
    ['report.html', await renderReport(studyPage(report), { script: await pageScript() })],
  ] as const;
  for (const [name, content] of files) await write(join(dir, name), content);
  return [...figures.map(({ path }) => path), ...files.map(([name]) => name)].map((path) => join(dir, path));
}

async function write(path: string, content: string): Promise<void> {
  await writeFileAtomically(path, new TextEncoder().encode(content));
}
