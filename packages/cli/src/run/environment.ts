import { execFileSync } from 'node:child_process';
import type { AdapterDescription } from '@dawngrad/tensor';
import { type DriverReport, driverReport } from '../driver-report.ts';
import { dawngradVersion, dawnVersion, packageFolder } from '../package-info.ts';
import type { InputHashes } from './run-inputs.ts';

/** What a run ran on; one entry of env.json. */
export interface RunEnvironment {
  readonly startedAt: string;
  readonly dawngrad: string;
  /** Null where dawngrad does not run from a git checkout. */
  readonly commit: GitState | null;
  readonly node: string;
  readonly platform: string;
  readonly dawn: string;
  readonly adapter: AdapterDescription;
  /** Null where the process was started without the launcher. */
  readonly driver: DriverReport | null;
  /** Measured picks of kernels that the run takes; null without a table of this adapter. */
  readonly tuning: unknown;
  readonly seed: number;
  readonly dataHashes: InputHashes;
  readonly argv: readonly string[];
}

interface GitState {
  readonly sha: string;
  /** Whether tracked files differ from the commit. */
  readonly isDirty: boolean;
}

/** Gathers what is known of this process; the rest comes from the run. */
export function runEnvironment(
  given: Pick<RunEnvironment, 'adapter' | 'seed' | 'dataHashes' | 'argv'> & Partial<Pick<RunEnvironment, 'tuning'>>,
): RunEnvironment {
  return {
    startedAt: new Date().toISOString(),
    dawngrad: dawngradVersion(),
    commit: gitState(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    dawn: dawnVersion(),
    driver: driverReport(process.env) ?? null,
    tuning: null,
    ...given,
  };
}

/** The commit that dawngrad runs from; null where its folder is not tracked by git, or git is missing. */
export function gitState(): GitState | null {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: packageFolder(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    // An installed package may lie in a checkout of the user's own, whose commit would say nothing.
    git('ls-files', '--error-unmatch', 'package.json');
    return { sha: git('rev-parse', 'HEAD'), isDirty: git('status', '--porcelain', '--untracked-files=no') !== '' };
  } catch {
    return null;
  }
}
