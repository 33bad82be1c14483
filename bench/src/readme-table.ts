import { writeFile } from 'node:fs/promises';
import { ToolError } from '@dawngrad/tensor';
import { markdownReport } from './markdown.ts';
import { readRows } from './read-rows.ts';
import { speedPlot } from './speed-plot.ts';

const USAGE = 'node bench/dist/readme-table.js RESULTS.json [--plot FILE.svg]';

/** Turns the rows of a run into the tables of the README (printed) and its plot (written). */
async function main(argv: readonly string[]): Promise<void> {
  const [file, flag, plot, ...rest] = argv;
  if (file === undefined || (flag !== undefined && (flag !== '--plot' || plot === undefined)) || rest.length > 0) {
    throw new ToolError('usage', { op: 'readme-table', expected: USAGE, got: argv.join(' ') || 'no file' });
  }
  const rows = await readRows(file);
  console.log(markdownReport(rows));
  if (plot !== undefined) await writeFile(plot, await speedPlot(rows));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof ToolError ? error.message : String((error as Error)?.stack ?? error)}\n`);
  process.exitCode = error instanceof ToolError && error.code === 'usage' ? 2 : 1;
});
