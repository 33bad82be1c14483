import { stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { type BenchArguments, HELP, parseArguments } from './arguments.ts';
import { describeEnvironment, originOf } from './environment.ts';
import { allJobs, selectJobs } from './jobs.ts';
import { findPeers, PEERS_FOLDER } from './peers/peer-jobs.ts';
import { serveWorkload, WORKLOAD_PROCESS } from './peers/workload-process.ts';
import { describeCeilings, describeRun, rowTable } from './report.ts';
import { runJobs } from './run-jobs.ts';

/** Dawn rounds timestamps to about 0.07 ms, against spying pages; here that would hide short kernels. */
const FLAGS = ['disable-dawn-features=timestamp_quantization'];

const note = (text: string): void => void process.stderr.write(`${text}\n`);

async function bench(options: BenchArguments): Promise<void> {
  const { suites, isAll, peersFolder } = withPeers(options);
  const jobs = selectJobs(allJobs(peersFolder), { ...options, suites });
  if (options.isList) {
    for (const { suite, name } of jobs) console.log(`${suite}: ${name}`);
    return;
  }
  const device = await openDevice({ flags: FLAGS });
  const environment = await describeEnvironment(device);
  console.log(describeRun(environment));
  const { json } = options;
  const { rows, ceilings, failures } = await runJobs(device, jobs, {
    isQuick: options.isQuick,
    isAll,
    origin: originOf(environment),
    note,
    onRows: async (found) => {
      if (json !== undefined) await writeFile(json, `${JSON.stringify(found, undefined, 2)}\n`);
    },
  });
  console.log(describeCeilings(ceilings));
  console.log(rowTable(rows));
  if (json !== undefined) note(`wrote ${json}`);
  if (failures > 0) {
    note(`${failures} of ${jobs.length} cases failed`);
    process.exitCode = 1;
  }
  device.close();
}

/** Who asks for everything gets what is there; who asks for the peers is told that there are none. */
function withPeers({ suites, isAll, isList, peersFolder }: BenchArguments): {
  suites: BenchArguments['suites'];
  isAll: boolean;
  peersFolder: string;
} {
  const folder = resolve(peersFolder ?? PEERS_FOLDER);
  if (!suites.includes('peers') || isList) return { suites, isAll, peersFolder: folder };
  try {
    const { missing } = findPeers(folder);
    if (missing.length > 0) note(`not installed, so not compared: ${missing.join(', ')}`);
    return { suites, isAll, peersFolder: folder };
  } catch (error) {
    if (!isAll || !(error instanceof ToolError)) throw error;
    note(`skipped: ${error.message}`);
    return { suites: suites.filter((name) => name !== 'peers'), isAll, peersFolder: folder };
  }
}

async function assertFolder(folder: string): Promise<void> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
    throw new ToolError('usage', { op: '--json', expected: 'a file in an existing folder', got: folder });
  }
}

async function main(): Promise<void> {
  const [first, second] = process.argv.slice(2);
  if (first === WORKLOAD_PROCESS) return serveWorkload(second!);
  const options = parseArguments(process.argv.slice(2));
  // Better now than after minutes of measuring.
  if (options.json !== undefined) await assertFolder(dirname(resolve(options.json)));
  if (options.isHelp) console.log(HELP);
  else await bench(options);
}

main().catch((error: unknown) => {
  note(error instanceof ToolError ? error.message : String((error as Error)?.stack ?? error));
  process.exitCode = error instanceof ToolError && error.code === 'usage' ? 2 : 1;
});
