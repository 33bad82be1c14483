import { stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { type BenchArguments, HELP, parseArguments } from './arguments.ts';
import { selectCases } from './cases.ts';
import { measureCeilings } from './ceilings.ts';
import { type BenchEnvironment, describeEnvironment } from './environment.ts';
import { type Measurement, measure } from './measure.ts';
import type { Standing } from './peers/compare.ts';
import { runPeers } from './peers/run-peers.ts';
import { standingsTable } from './peers/standings-table.ts';
import { describeCeilings, describeRun, reportJson, reportTable } from './report.ts';

/** Dawn rounds timestamps to about 0.07 ms, against spying pages; here that would hide short kernels. */
const FLAGS = ['disable-dawn-features=timestamp_quantization'];

/** Few runs of slow cases, enough of quick ones for the spread to mean something. */
const [MIN_RUNS, MAX_RUNS] = [5, 50];

async function benchCases(options: BenchArguments): Promise<void> {
  const chosen = selectCases(options.filters);
  if (chosen.length === 0) {
    throw new ToolError('usage', {
      op: 'bench',
      expected: 'a word that occurs in the name of a case',
      got: options.filters.join(' '),
      hint: 'npm run bench -- --list shows the names.',
    });
  }
  if (options.isList) {
    for (const { name } of chosen) console.log(name);
    return;
  }
  const device = await openDevice({ flags: FLAGS });
  const environment = await describeEnvironment(device);
  console.log(describeRun(environment));
  const first = await measureCeilings(device);
  const rows: Measurement[] = [];
  for (const benchCase of chosen) {
    process.stderr.write(`${rows.length + 1}/${chosen.length} ${benchCase.name}\n`);
    rows.push(await measure(device, benchCase, { seconds: options.seconds, minRuns: MIN_RUNS, maxRuns: MAX_RUNS }));
  }
  const ceilings = await measureCeilings(device, first);
  console.log(describeCeilings(ceilings));
  console.log(reportTable(rows, ceilings));
  if (options.json !== undefined) await writeJson(options.json, reportJson(environment, ceilings, rows));
  device.close();
}

async function benchPeers(folder: string, { filters, json }: BenchArguments): Promise<void> {
  let environment: BenchEnvironment | undefined;
  const all: Standing[] = [];
  await runPeers({
    folder,
    filters,
    onEnvironment: (found) => {
      environment = found;
      console.log(describeRun(found));
    },
    onWorkload: (standings) => {
      process.stderr.write(`${standings[0]!.workload}\n`);
      all.push(...standings);
    },
  });
  console.log(standingsTable(all));
  if (json !== undefined) await writeJson(json, { schema: 1, environment, standings: all });
}

async function assertFolder(folder: string): Promise<void> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
    throw new ToolError('usage', { op: '--json', expected: 'a file in an existing folder', got: folder });
  }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, undefined, 2)}\n`);
  process.stderr.write(`wrote ${file}\n`);
}

async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2));
  // Better now than after minutes of measuring.
  if (options.json !== undefined) await assertFolder(dirname(resolve(options.json)));
  if (options.isHelp) console.log(HELP);
  else if (options.peers !== undefined) await benchPeers(options.peers, options);
  else await benchCases(options);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ToolError ? error.message : String((error as Error)?.stack ?? error)}\n`);
  process.exitCode = error instanceof ToolError && error.code === 'usage' ? 2 : 1;
});
