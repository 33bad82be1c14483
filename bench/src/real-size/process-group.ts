import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

/** How a command ended, and what it took. */
export interface ProcessResult {
  readonly code: number | null;
  readonly seconds: number;
  /** Largest resident memory of one of its processes, in bytes; undefined where the system does not tell. */
  readonly peakBytes: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** The high-water mark is the system's own: it only has to be seen before the process ends. */
const POLL_MS = 500;

/** Runs a command in a process group of its own and watches the memory of all processes in it (Linux). */
export async function runGroup(command: string, args: readonly string[]): Promise<ProcessResult> {
  const startMs = performance.now();
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  let peakBytes: number | undefined;
  let isDone = false;
  const watch = async (): Promise<void> => {
    while (!isDone) {
      const found = await largestResident(child.pid!);
      if (found !== undefined) peakBytes = Math.max(peakBytes ?? 0, found);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  const watching = watch();
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  isDone = true;
  await watching;
  return { code, seconds: (performance.now() - startMs) / 1000, peakBytes, stdout, stderr };
}

/** The high-water mark of resident memory of the largest process of a group, as /proc has it. */
async function largestResident(group: number): Promise<number | undefined> {
  let largest: number | undefined;
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = await readFile(`/proc/${entry}/stat`, 'utf8');
      // The name in brackets may hold anything: fields are counted from the last one.
      const groupOf = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
      if (groupOf !== group) continue;
      const status = await readFile(`/proc/${entry}/status`, 'utf8');
      const kilobytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
      largest = Math.max(largest ?? 0, kilobytes * 1024);
    } catch {
      // It has ended meanwhile.
    }
  }
  return largest;
}
