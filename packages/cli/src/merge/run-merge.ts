import { existsSync } from 'node:fs';
import {
  adapterUpdates,
  type DirectorySink,
  type FloatDType,
  type ModelContents,
  mergedTensors,
  modelSideFiles,
  modelSize,
  type OpenAdapter,
  type OpenModel,
  writeModel,
} from '@dawngrad/models';
import { openModelDirectory, writeDirectory } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { modelFolder } from '../run/model-folder.ts';
import { listenForStop, type StopRequest } from '../stop-request.ts';
import { StoppedError } from '../stopped-error.ts';
import { Progress } from '../ui/progress.ts';
import { byteCount } from '../ui/progress-bytes.ts';

export interface MergeOptions {
  readonly adapter: string;
  readonly output: string;
  /** Default: the base that the adapter names. */
  readonly model?: string;
  /** Default: each weight as the base stores it. */
  readonly dtype?: 'f32' | 'f16' | 'bf16';
  readonly maxShardSize?: number;
}

/** Smaller models are merged before one could read a line about it. */
const WORTH_A_LINE_BYTES = 64e6;

const STORED = { f32: 'F32', f16: 'F16', bf16: 'BF16' } as const satisfies Record<string, FloatDType>;

/** Writes an adapter's base with the adapter merged in; see `mergedTensors`. Throws ToolError or StoppedError. */
export async function runMerge(options: MergeOptions, { out, err }: CommandContext): Promise<void> {
  const startMs = performance.now();
  if (existsSync(options.output)) {
    throw new ToolError('config', {
      op: options.output,
      expected: 'a new directory',
      got: 'one that exists',
      hint: 'Choose another --output or remove it.',
    });
  }
  const source = await openAdapted(options);
  const { adapter, config, weights } = source;
  const dtype = options.dtype && STORED[options.dtype];
  const contents: ModelContents = {
    config,
    tensors: mergedTensors(config, weights, adapterUpdates(adapter, config, weights), dtype),
    sideFiles: await modelSideFiles(source),
    ...(options.maxShardSize === undefined ? {} : { maxShardBytes: options.maxShardSize }),
  };
  const progress = new Progress({
    write: err,
    isTerminal: process.stderr.isTTY === true,
    nowMs: () => performance.now(),
  });
  const expectedBytes = modelSize(contents);
  try {
    using stop = listenForStop(() => progress.note('Stopping: nothing will be written.'));
    const manifest = await writeDirectory(options.output, { expectedBytes }, (directory) =>
      writeModel(watched(directory, expectedBytes, progress, stop), contents),
    );
    progress.close();
    const files = manifest.files.filter(({ name }) => name.endsWith('.safetensors'));
    const bytes = files.reduce((total, { size }) => total + size, 0);
    const count = `${files.length} ${files.length === 1 ? 'file' : 'files'}`;
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    out(
      `merged ${adapter.factors.size} linears${savedText(source)} into ${weights.names.length} tensors, ` +
        `${byteCount(bytes)} in ${count}, in ${seconds} s: ${options.output}\n`,
    );
  } finally {
    progress.close();
  }
}

async function openAdapted({ adapter, model }: MergeOptions): Promise<OpenModel & { readonly adapter: OpenAdapter }> {
  const folder = await modelFolder(adapter);
  const source = await openModelDirectory(folder, {
    ...(model === undefined ? {} : { base: await modelFolder(model) }),
    resolveBase: (name, revision) => modelFolder(revision === undefined ? name : `${name}@${revision}`),
  });
  if (source.adapter !== undefined) return { ...source, adapter: source.adapter };
  throw new ToolError('config', {
    op: folder,
    expected: 'an adapter, with adapter_config.json',
    got: 'a whole model',
    hint: 'There is nothing to merge: it can be used as it is.',
  });
}

function savedText({ adapter }: OpenModel): string {
  const saved = adapter?.savedTensors.size ?? 0;
  return saved === 0 ? '' : ` and ${saved} tensors that were trained whole`;
}

/** The same directory, telling how far it is written and ending on a signal. */
function watched(directory: DirectorySink, totalBytes: number, progress: Progress, stop: StopRequest): DirectorySink {
  let done = 0;
  return {
    writeFile: (name, fill) =>
      directory.writeFile(name, (sink) =>
        fill({
          async write(bytes) {
            if (stop.isRequested) throw new StoppedError('Stopped: nothing was written.', stop.exitCode);
            await sink.write(bytes);
            done += bytes.byteLength;
            if (totalBytes >= WORTH_A_LINE_BYTES) {
              progress.bytes('merge', Math.min(done, totalBytes), totalBytes, name);
            }
          },
        }),
      ),
  };
}
