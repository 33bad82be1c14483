import type { DecoderModel, OpenModel, WantedFormat } from '@dawngrad/models';
import { openModelDirectory } from '@dawngrad/models/node';
import { type Device, gateDevice, useTuning } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import type { CommandContext } from '../commands/command-context.ts';
import { loadModel } from '../run/load-model.ts';
import { modelFolder } from '../run/model-folder.ts';
import { openSource } from '../run/open-source.ts';
import { listenForStop, type StopRequest } from '../stop-request.ts';
import { loadTuning } from '../tuning/tuning-cache.ts';
import { Progress } from '../ui/progress.ts';
import type { ModelOptions } from './generation-options.ts';

/** The model that the options name, opened, or its adapter with the model as its base; the weights are not read yet. */
export async function openGenerationSource(
  { model, adapter }: ModelOptions,
  { err }: Pick<CommandContext, 'err'>,
): Promise<OpenModel> {
  if (adapter === undefined) return (await openSource(model, modelFolder, { err })).model;
  const base = await modelFolder(model, { err });
  return openModelDirectory(await modelFolder(adapter, { err }), { base });
}

export interface ModelSession {
  readonly device: Device;
  readonly model: DecoderModel;
  readonly progress: Progress;
}

/** Runs `work` with a device and the loaded model, and takes both down at its end. */
export async function withModel(
  source: OpenModel,
  { dtype, maxPositions }: { readonly dtype: WantedFormat; readonly maxPositions: number },
  { err }: Pick<CommandContext, 'err'>,
  work: (session: ModelSession) => Promise<void>,
): Promise<void> {
  const isTerminal = process.stderr.isTTY === true;
  const progress = new Progress({ write: err, isTerminal, nowMs: () => performance.now() });
  using device = await openDevice();
  for (const { family, refused } of await gateDevice(device)) {
    if (refused === undefined) continue;
    progress.note(`matmul kernels "${family}" are wrong on this adapter and not used: ${refused}`);
  }
  useTuning(
    device,
    loadTuning(device, (text) => progress.note(text)),
  );
  const model = await loadModel(device, source, { trainable: false, maxPositions, format: dtype }, progress);
  try {
    await work({ device, model, progress });
  } finally {
    progress.close();
    model.dispose();
  }
}

/** Runs `work` that ends early on Ctrl-C; the exit code is then that of the signal. */
export async function stoppable(
  { err, exitWith }: Pick<CommandContext, 'err' | 'exitWith'>,
  work: (stop: StopRequest) => Promise<void>,
): Promise<void> {
  using stop = listenForStop(() => err('\nstopping; once more ends at once.\n'));
  await work(stop);
  exitWith(stop.exitCode);
}
