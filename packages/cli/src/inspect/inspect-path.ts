import { open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  checkValues,
  fitAdapter,
  type ModelFiles,
  type OpenAdapter,
  openAdapter,
  openModel,
  SafetensorsFile,
  WeightIndex,
  weightsMemory,
} from '@dawngrad/models';
import { baseDirectory, openModelFiles, verifyDirectory } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import { adapterFacts, modelFacts } from './facts.ts';
import type { Inspection, TensorRow } from './inspection.ts';

export interface InspectOptions {
  /** For an adapter: the base to check it against, if not the one that it names. */
  readonly base?: string;
  /** Headers only: neither values nor checksums. */
  readonly isQuick: boolean;
  /** Told how many bytes of all were read. */
  readonly onBytes: (done: number, total: number, item: string) => void;
}

const PICKLED = /\.(bin|pt|pth|ckpt|pkl|pickle|npz)$/i;
const MANIFEST_FILE = 'manifest.json';

/**
 * Verifies a model directory, that of an adapter, or one safetensors file. What is damaged, incomplete or a pickle:
 * ToolError 'corrupt'; what is sound and not supported, or not there at all: 'config'.
 */
export async function inspectPath(path: string, options: InspectOptions): Promise<Inspection> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw new ToolError('config', { op: path, expected: 'a directory or a file', got: 'none of that name', cause });
  });
  if (stats.isFile()) return inspectFile(path, options);
  const files = await openModelFiles(path);
  const names = await files.list();
  refuseIncomplete(path, names);
  return names.includes('config.json') ? inspectModel(path, files, options) : inspectAdapter(path, files, options);
}

async function inspectModel(path: string, files: ModelFiles, options: InspectOptions): Promise<Inspection> {
  const model = await openModel(files);
  const { config, weights } = model;
  const names = await files.list();
  const critic = join(path, 'critic');
  const hasCritic = await stat(critic).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  return {
    path,
    kind: 'model',
    ...tensorsOf(weights),
    files: await filesOf(files, weights),
    memoryBytes: weightsMemory(config, weights),
    facts: modelFacts(model, names),
    verified: [
      'every tensor of the configuration, its shape and type, and no other; tokenizer within the vocabulary',
      ...(await verifyContents(path, weights, options)),
    ],
    notes: hasCritic ? [`the critic of the run is another model: dawngrad inspect ${critic}`] : [],
  };
}

async function inspectAdapter(path: string, files: ModelFiles, options: InspectOptions): Promise<Inspection> {
  const adapter = await openAdapter(files);
  const weights = WeightIndex.of(adapter.file);
  const base = await baseOf(path, adapter, options.base);
  if (base !== undefined) {
    const { config, weights: baseWeights } = await openModel(await openModelFiles(base));
    fitAdapter(adapter, config, baseWeights);
  }
  const { baseModel } = adapter.config;
  return {
    path,
    kind: 'adapter',
    ...tensorsOf(weights),
    files: await filesOf(files, weights),
    memoryBytes: floatMemory(weights),
    facts: adapterFacts(adapter),
    verified: [
      'both factors of every linear',
      ...(base === undefined ? [] : [`that it fits the base ${base}`]),
      ...(await verifyContents(path, weights, options)),
    ],
    notes:
      base === undefined
        ? [`not checked against its base ${baseModel ?? ''}, which is not here: name it with --base`]
        : [],
  };
}

async function inspectFile(path: string, options: InspectOptions): Promise<Inspection> {
  await refuseForeign(path);
  const real = await realpath(path);
  const files = await openModelFiles(dirname(real));
  const source = await files.open(basename(real));
  const weights = WeightIndex.of(await SafetensorsFile.open({ ...source, name: path }));
  return {
    path,
    kind: 'file',
    ...tensorsOf(weights),
    files: [{ name: basename(path), bytes: source.size }],
    memoryBytes: floatMemory(weights),
    facts: [],
    verified: ['the header against the file', ...(options.isQuick ? [] : await verifyValues(weights, options))],
    notes: [],
  };
}

/** A directory without what every model has is a broken checkpoint here, whatever it may be elsewhere. */
function refuseIncomplete(path: string, names: readonly string[]): void {
  const isAdapter = !names.includes('config.json') && names.includes('adapter_config.json');
  const isThere = (name: string): boolean => names.includes(name);
  const required: readonly (readonly string[])[] = isAdapter
    ? [['adapter_model.safetensors']]
    : [['config.json'], ['model.safetensors', 'model.safetensors.index.json'], ['tokenizer.json']];
  const missing = required.find((anyOf) => !anyOf.some(isThere));
  if (missing === undefined) return;
  const isWeights = missing[0]!.endsWith('.safetensors');
  const pickled = isWeights ? names.find((name) => PICKLED.test(name)) : undefined;
  throw new ToolError('corrupt', {
    op: path,
    expected: missing.join(' or '),
    got: pickled === undefined ? 'no such file' : `${pickled}, a pickle file`,
    ...(pickled !== undefined && { hint: PICKLE_REASON }),
  });
}

const PICKLE_REASON =
  'Loading a pickle runs code from it, so it is not supported: save the model again with safe_serialization.';

/** Files of other formats, told by their first bytes so that the message is not about a header length. */
async function refuseForeign(path: string): Promise<void> {
  const first = new Uint8Array(4);
  await using handle = await open(path, 'r');
  await handle.read(first, 0, 4, 0);
  const text = String.fromCharCode(...first);
  const kinds: readonly (readonly [boolean, string, string | undefined])[] = [
    [text === 'PK\x03\x04' || first[0] === 0x80 || PICKLED.test(path), 'a pickle', PICKLE_REASON],
    [text === 'GGUF', 'a GGUF file', 'Only safetensors files are read.'],
    [text === '\x89HDF', 'an HDF5 file', 'Only safetensors files are read.'],
  ];
  const found = kinds.find(([isKind]) => isKind);
  if (found === undefined) return;
  const [, got, hint] = found;
  throw new ToolError('corrupt', {
    op: path,
    expected: 'a safetensors file',
    got,
    ...(hint !== undefined && { hint }),
  });
}

/** The directory of an adapter's base: one that was named must be there; another is looked for, on this disk only. */
async function baseOf(path: string, adapter: OpenAdapter, base: string | undefined): Promise<string | undefined> {
  if (base !== undefined) return base;
  const { baseModel = '', revision } = adapter.config;
  return baseDirectory(path, baseModel, revision, {}).catch((error: unknown) => {
    if (error instanceof ToolError && error.code === 'config') return undefined;
    throw error;
  });
}

async function verifyContents(path: string, weights: WeightIndex, options: InspectOptions): Promise<string[]> {
  if (options.isQuick) return [];
  const values = await verifyValues(weights, options);
  if (!(await (await openModelFiles(path)).list()).includes(MANIFEST_FILE)) return values;
  const { faults, manifest } = await verifyDirectory(path);
  const [fault] = faults;
  if (fault !== undefined) {
    throw new ToolError('corrupt', {
      op: join(path, fault.file),
      expected: `what ${MANIFEST_FILE} says`,
      got: `${fault.problem}${faults.length > 1 ? `, and ${faults.length - 1} more faults` : ''}`,
    });
  }
  return [...values, `the checksums of ${manifest?.files.length ?? 0} files in ${MANIFEST_FILE}`];
}

async function verifyValues(weights: WeightIndex, { onBytes }: InspectOptions): Promise<string[]> {
  const { tensors } = tensorsOf(weights);
  const total = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  await checkValues(weights, (bytes, name) => {
    done += bytes;
    onBytes(done, total, name);
  });
  return ['that every value is finite'];
}

function tensorsOf(weights: WeightIndex): { readonly tensors: readonly TensorRow[]; readonly parameters: number } {
  const tensors = weights.names.map((name): TensorRow => {
    const { dtype, shape, begin, end } = weights.entry(name);
    return { name, dtype, shape, bytes: end - begin, file: weights.fileOf(name) };
  });
  const parameters = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0);
  return { tensors, parameters };
}

async function filesOf(files: ModelFiles, weights: WeightIndex): Promise<Inspection['files']> {
  const names = [...new Set(weights.names.map((name) => weights.fileOf(name)))].sort();
  return Promise.all(names.map(async (name) => ({ name, bytes: (await files.open(name)).size })));
}

function floatMemory(weights: WeightIndex): Readonly<Record<string, number>> {
  const { parameters } = tensorsOf(weights);
  return { f32: 4 * parameters, f16: 2 * parameters, bf16: 2 * parameters };
}
