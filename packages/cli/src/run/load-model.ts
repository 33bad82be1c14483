import { DecoderModel, type LoadOptions, type OpenModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import type { Progress } from '../ui/progress.ts';

/** Files below this are loaded before one could read a line about it. */
const WORTH_A_LINE_BYTES = 64e6;

/** Loads the weights of a model, and shows how far it is where that takes a while. */
export async function loadModel(
  device: Device,
  source: OpenModel,
  options: Omit<LoadOptions, 'onProgress'>,
  progress: Pick<Progress, 'step' | 'note' | 'close'>,
): Promise<DecoderModel> {
  const startMs = performance.now();
  let fileBytes = 0;
  const model = await DecoderModel.load(device, source, {
    ...options,
    onProgress: (done, total) => {
      fileBytes = total;
      if (total >= WORTH_A_LINE_BYTES) progress.step('loading weights, MB', megabytes(done), megabytes(total), {});
    },
  });
  if (fileBytes < WORTH_A_LINE_BYTES) return model;
  progress.close();
  const seconds = (performance.now() - startMs) / 1000;
  const rate = fileBytes / 1e9 / seconds;
  progress.note(
    `loaded ${megabytes(fileBytes)} MB as ${megabytes(model.weights.bytes)} MB on the device in ${seconds.toFixed(1)} s (${rate.toFixed(2)} GB/s)`,
  );
  return model;
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1e6);
}
