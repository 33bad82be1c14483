import { type Device, gateDevice, useTuning } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import type { CommandContext } from '../commands/command-context.ts';
import { listenForStop, type StopRequest } from '../stop-request.ts';
import { loadTuning } from '../tuning/tuning-cache.ts';
import { Progress } from '../ui/progress.ts';
import { type ChangeRules, changeText } from './config-changes.ts';
import { recordCrash, recordCrashesIn } from './crash-record.ts';
import { runEnvironment } from './environment.ts';
import { RunDirectory } from './run-directory.ts';
import { hashInputs, type RunInput } from './run-inputs.ts';
import { listenForSave, type SaveRequest } from './save-request.ts';

/** What a run works with. */
export interface RunSession {
  readonly device: Device;
  readonly directory: RunDirectory;
  readonly progress: Progress;
  /** To be looked at after every step; a run that was asked to stop saves and returns. */
  readonly stop: StopRequest;
  /** To be asked after every step: a checkpoint out of turn. */
  readonly save: SaveRequest;
}

export interface RunSettings {
  readonly config: {
    readonly run: { readonly dir: string; readonly seed: number; readonly plugins?: readonly string[] };
  };
  readonly resume: boolean;
  /** Which settings a resumed run may change; none unless said. */
  readonly rules?: ChangeRules;
  /** Seconds that a run has after SIGTERM; absent: as long as it takes. */
  readonly graceS?: number;
  readonly inputs: readonly RunInput[];
  /** What changes the objective, printed before the first step. */
  readonly objective: string;
}

/** Where a run lies, what it is called and how it was started say nothing of what it does. */
const UNTOLD: readonly string[] = ['run.dir', 'run.name', 'run.resume'];

/**
 * Runs `work` with a device, a locked run directory, a progress display and a listener for signals, and
 * takes all of them down at its end. Sets the exit code: 0, or that of the signal that stopped the run.
 */
export async function runSession(
  { config, resume, rules, graceS, inputs, objective }: RunSettings,
  { err, exitWith, hooks }: Pick<CommandContext, 'err' | 'exitWith' | 'hooks'>,
  work: (session: RunSession) => Promise<void>,
): Promise<void> {
  const progress = new Progress({
    write: err,
    isTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns,
    nowMs: () => performance.now(),
  });
  // Before anything is written: from here on, a run that is stopped leaves in good order.
  using stop = listenForStop(
    (text) => {
      progress.note(text);
      hooks?.at('signal');
    },
    graceS === undefined ? {} : { graceS },
  );
  // A request that nobody listens for would end the process.
  using save = listenForSave(config.run.dir, (text) => progress.note(text));
  const { plugins = [] } = config.run;
  const dataHashes = await hashInputs([
    ...inputs,
    ...(plugins.length === 0 ? [] : [{ role: 'plugins' as const, files: plugins }]),
  ]);
  // The device comes first: without one, no run directory is made.
  using device = await openDevice();
  const tests = hooks?.skipsKernelTests === true ? [] : await gateDevice(device);
  for (const { family, refused } of tests) {
    if (refused !== undefined)
      progress.note(`matmul kernels "${family}" are wrong on this adapter and not used: ${refused}`);
  }
  const tuning = loadTuning(device, (text) => progress.note(text));
  useTuning(device, tuning);
  using directory = RunDirectory.open({
    path: config.run.dir,
    config,
    resume,
    ...(rules === undefined ? {} : { rules }),
  });
  const { seed } = config.run;
  directory.recordEnvironment(
    runEnvironment({
      adapter: device.adapter,
      tuning: tuning?.toJSON() ?? null,
      seed,
      dataHashes,
      argv: process.argv.slice(2),
    }),
  );
  progress.note(`run: ${directory.path}${resume ? ' (continued)' : ''} on ${device.adapter.description}`);
  progress.note(objective);
  const changes = directory.changes.filter(({ key }) => !UNTOLD.includes(key));
  for (const change of changes) progress.note(`changed since the run started: ${changeText(change)}`);
  using _crashes = recordCrashesIn(directory.path);
  hooks?.at('started');
  try {
    if (!stop.isRequested) await work({ device, directory, progress, stop, save });
  } catch (error) {
    recordCrash(error);
    throw error;
  } finally {
    progress.close();
  }
  exitWith(stop.exitCode);
}
