import { execFile } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { promisify } from 'node:util';
import type { Device } from '@dawngrad/tensor';
import type { RowOrigin } from './row.ts';

/** What a figure depends on besides the code. */
export interface BenchEnvironment {
  readonly date: string;
  /** Abbreviated, with `+changes` where the tree differs from it; `unknown` outside a clone. */
  readonly commit: string;
  readonly node: string;
  /** Vendor, architecture and device. */
  readonly adapter: string;
  /** What the driver says of itself. */
  readonly driver: string;
  readonly isSoftwareAdapter: boolean;
  readonly cpu: string;
  readonly cores: number;
  /** Mean number of waiting processes over the minute before the bench, per core. */
  readonly loadPerCore: number;
}

/** Above this the machine does too much else for figures to be compared. */
export const BUSY_LOAD_PER_CORE = 0.5;

export async function describeEnvironment(device: Device): Promise<BenchEnvironment> {
  const { vendor, architecture, device: model, description, isSoftware } = device.adapter;
  const cores = availableParallelism();
  return {
    date: new Date().toISOString(),
    commit: await commit(),
    node: process.version,
    adapter: [vendor, architecture, model].filter(Boolean).join(' · '),
    driver: description,
    isSoftwareAdapter: isSoftware,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores,
    loadPerCore: loadavg()[0]! / cores,
  };
}

export function originOf({ adapter, driver, commit }: BenchEnvironment): RowOrigin {
  return { adapter, driver, commit };
}

async function commit(): Promise<string> {
  const run = promisify(execFile);
  const cwd = import.meta.dirname;
  try {
    const { stdout } = await run('git', ['rev-parse', '--short', 'HEAD'], { cwd });
    const status = await run('git', ['status', '--porcelain', '--untracked-files=no'], { cwd });
    return stdout.trim() + (status.stdout === '' ? '' : '+changes');
  } catch {
    return 'unknown';
  }
}
