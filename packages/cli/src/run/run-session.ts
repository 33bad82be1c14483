import { type Device, gateDevice, useTuning } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import type { CommandContext } from '../commands/command-context.ts';
import { listenForStop, type StopRequest } from '../stop-request.ts';
import { loadTuning } from '../tuning/tuning-cache.ts';
import { Progress } from '../ui/progress.ts';
import { runEnvironment } from './environment.ts';
import { RunDirectory } from './run-directory.ts';
import { hashInputs, type RunInput } from './run-inputs.ts';

/** What a run works with. */
export interface RunSession {
  readonly device: Device;
  readonly directory: RunDirectory;
  readonly progress: Progress;
  /** To be looked at after every step; a run that was asked to stop saves and returns. */
  readonly stop: StopRequest;
}

export interface RunSettings {
  readonly config: { readonly run: { readonly dir: string; readonly seed: number } };
  readonly resume: boolean;
  readonly inputs: readonly RunInput[];
  /** What changes the objective, printed before the first step. */
  readonly objective: string;
}

/**
 * Runs `work` with a device, a locked run directory, a progress display and a listener for signals, and
 * takes all of them down at its end. Sets the exit code: 0, or that of the signal that stopped the run.
 */
export async function runSession(
  { config, resume, inputs, objective }: RunSettings,
  { err, exitWith }: Pick<CommandContext, 'err' | 'exitWith'>,
  work: (session: RunSession) => Promise<void>,
): Promise<void> {
  const progress = new Progress({
    write: err,
    isTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns,
    nowMs: () => performance.now(),
  });
  // Before anything is written: from here on, a run that is stopped leaves in good order.
  using stop = listenForStop((text) => progress.note(text));
  const dataHashes = await hashInputs(inputs);
  // The device comes first: without one, no run directory is made.
  using device = await openDevice();
  for (const { family, refused } of await gateDevice(device)) {
    if (refused !== undefined)
      progress.note(`matmul kernels "${family}" are wrong on this adapter and not used: ${refused}`);
  }
  const tuning = loadTuning(device, (text) => progress.note(text));
  useTuning(device, tuning);
  using directory = RunDirectory.open({ path: config.run.dir, config, resume });
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
  try {
    if (!stop.isRequested) await work({ device, directory, progress, stop });
  } finally {
    progress.close();
  }
  exitWith(stop.exitCode);
}
