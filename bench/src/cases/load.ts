import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkValues,
  type DecoderConfig,
  DecoderModel,
  type TensorSource,
  WeightIndex,
  weightSpecs,
  writeSafetensors,
} from '@dawngrad/models';
import { openModelFiles, writeDirectory } from '@dawngrad/models/node';
import { type Device, sizeOf, type WeightFormat } from '@dawngrad/tensor';
import type { AwaitedRun, BenchCase } from '../bench-case.ts';
import { describeLlama, linearParameters, llamaParams, ONE_QWEN_LAYER } from './llama-sizes.ts';

/** 121 MB in bf16: long enough for the rate of a stream, short enough for the cache of the disk. */
const MODEL: DecoderConfig = { ...ONE_QWEN_LAYER, numHiddenLayers: 4 };
const FILE_BYTES = 2 * (linearParameters(MODEL) + MODEL.vocabSize * MODEL.hiddenSize);

/** Bits of bf16 between 2^-8 and 2^-7, of either sign. */
const PIECE = Uint16Array.from({ length: 1 << 19 }, (_, i) => {
  const bits = Math.imul(i + 1, 2654435761) >>> 16;
  return (bits & 0x807f) | 0x3b80;
});

/** A checkpoint in bf16 on the disk, written before the first run: what is timed finds it in the system's cache. */
function loadCase(
  what: string,
  format: string,
  load: (device: Device, weights: WeightIndex) => Promise<void>,
  isQuick = false,
): BenchCase {
  return {
    name: `load ${describeLlama(MODEL)} bf16 ${what}`,
    params: { ...llamaParams(MODEL), stored: 'bf16', format, file_bytes: FILE_BYTES },
    work: { flops: 0, bytes: FILE_BYTES },
    isQuick,
    prepare: (device): AwaitedRun => {
      const folder = mkdtempSync(join(tmpdir(), 'dawngrad-bench-'));
      let written: Promise<unknown> | undefined;
      return {
        run: async () => {
          written ??= writeCheckpoint(join(folder, 'model'));
          await written;
          await load(device, await WeightIndex.open(await openModelFiles(join(folder, 'model'))));
        },
        dispose: () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  };
}

async function writeCheckpoint(path: string): Promise<void> {
  const tensors = weightSpecs(MODEL).map(({ name, shape }): TensorSource => {
    const size = 2 * sizeOf(shape);
    return {
      name,
      shape,
      dtype: 'BF16',
      async *chunks() {
        const piece = new Uint8Array(PIECE.buffer);
        for (let at = 0; at < size; at += piece.length) yield piece.subarray(0, Math.min(piece.length, size - at));
      },
    };
  });
  await writeDirectory(path, { expectedBytes: FILE_BYTES }, (directory) =>
    directory.writeFile('model.safetensors', (sink) => writeSafetensors(sink, tensors)),
  );
}

async function readAll(weights: WeightIndex): Promise<void> {
  for (const name of weights.names) for await (const _ of weights.readChunks(name));
}

function toDevice(format: WeightFormat | 'stored'): BenchCase {
  return loadCase(
    `to the device as ${format}`,
    format,
    async (device, weights) => {
      const model = await DecoderModel.load(device, { config: MODEL, weights }, { trainable: false, format });
      await device.finish();
      model.dispose();
    },
    format === 'stored',
  );
}

export const loadCases: readonly BenchCase[] = [
  loadCase('to the host', 'none', (_, weights) => readAll(weights), true),
  loadCase('checked for NaN', 'none', (_, weights) => checkValues(weights, () => undefined)),
  ...(['stored', 'f32', 'f16', 'q8_0', 'q4_0', 'nf4'] as const).map(toDevice),
];
