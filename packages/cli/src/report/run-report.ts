import { statSync } from 'node:fs';
import { join } from 'node:path';
import { renderReport } from '@dawngrad/eval';
import { writeFileAtomically } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { type CollectOptions, collectReport } from './collect-report.ts';
import { pageScript } from './page-script.ts';
import { type ReportSource, reportSources } from './report-folder.ts';

export interface ReportOptions extends CollectOptions {
  readonly out?: string;
}

/** The page's name in the folder that it is of. */
const REPORT = 'report.html';

/** Writes the report of some folders. */
export async function runReport(
  paths: readonly string[],
  options: ReportOptions,
  { out }: Pick<CommandContext, 'out'>,
): Promise<void> {
  const file = options.out ?? defaultFile(reportSources(paths));
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new ToolError('config', { op: '--out', expected: 'the name of a file', got: `${file}, which is a folder` });
  }
  const bytes = new TextEncoder().encode(await reportPage(paths, options));
  await writeFileAtomically(file, bytes);
  out(`${file}  ${(bytes.length / 1e6).toFixed(1)} MB\n`);
}

/** The page of some folders as it is now. */
export async function reportPage(
  paths: readonly string[],
  { isLive = false, ...options }: CollectOptions & { readonly isLive?: boolean },
): Promise<string> {
  const [input, script] = await Promise.all([collectReport(paths, options), pageScript()]);
  return renderReport(input, { script, isLive });
}

/** In the folder, if there is one; else here. */
function defaultFile([first, ...others]: readonly ReportSource[]): string {
  return first !== undefined && others.length === 0 && first.kind !== 'rows' ? join(first.path, REPORT) : REPORT;
}
