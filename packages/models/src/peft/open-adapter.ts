import { formatShape, type Shape, ToolError } from '@dawngrad/tensor';
import type { DecoderConfig } from '../config/decoder-config.ts';
import { EMBEDDING, OUTPUT, weightSpecs } from '../decoder/weight-specs.ts';
import type { ModelFiles } from '../io/byte-source.ts';
import { SafetensorsFile } from '../io/safetensors.ts';
import type { WeightIndex } from '../io/weight-index.ts';
import { type LoraPlace, placeAdapters } from '../nn/lora-placement.ts';
import { ADAPTER_CONFIG_FILE, type AdapterConfig, parseAdapterConfig } from './adapter-config.ts';

export const ADAPTER_FILE = 'adapter_model.safetensors';
/** What PEFT puts before the names of a model's modules. */
export const PEFT_PREFIX = 'base_model.model.';
const CONFIG_CAP_BYTES = 1 << 20;
const FLOAT_DTYPES: readonly string[] = ['F32', 'F16', 'BF16'];

/** The names that the factors of one linear have in the file. */
export interface AdapterFactors {
  readonly a: string;
  readonly b: string;
}

/** An adapter in PEFT's layout, opened: only the header of its weights is in memory. */
export interface OpenAdapter {
  readonly config: AdapterConfig;
  readonly file: SafetensorsFile;
  readonly files: ModelFiles;
  /** By the name of the linear, without `.weight`. */
  readonly factors: ReadonlyMap<string, AdapterFactors>;
  /** Weights that were saved whole (`modules_to_save`): the name in the base, and that in the file. */
  readonly savedTensors: ReadonlyMap<string, string>;
}

/**
 * Opens adapter_config.json and the header of adapter_model.safetensors and checks that they agree, as far as that can
 * be told without the base. Something missing or not supported: ToolError 'config'; something damaged: 'corrupt'.
 */
export async function openAdapter(files: ModelFiles): Promise<OpenAdapter> {
  const names = await files.list();
  if (!names.includes(ADAPTER_FILE)) {
    const pickled = names.find((name) => /\.(bin|pt|pth)$/i.test(name));
    throw new ToolError('config', {
      op: files.label,
      expected: ADAPTER_FILE,
      got: pickled === undefined ? 'no such file' : `${pickled}, a pickle file`,
      ...(pickled !== undefined && {
        hint: 'Loading a pickle runs code from it, so it is not supported: save the adapter again as safetensors.',
      }),
    });
  }
  const config = parseAdapterConfig(await files.readText(ADAPTER_CONFIG_FILE, CONFIG_CAP_BYTES));
  const file = await SafetensorsFile.open(await files.open(ADAPTER_FILE));
  const factors = new Map<string, { a?: string; b?: string }>();
  const savedTensors = new Map<string, string>();
  for (const { name: stored, dtype, shape } of file.tensors.values()) {
    const name = stored.startsWith(PEFT_PREFIX) ? stored.slice(PEFT_PREFIX.length) : '';
    const [, linear, factor] = /^(.+)\.lora_([AB])\.weight$/.exec(name) ?? [];
    if (linear !== undefined && shape.length === 2) {
      factors.set(linear, { ...factors.get(linear), [factor === 'A' ? 'a' : 'b']: stored });
    } else if (isSaved(name, config)) savedTensors.set(name, stored);
    else throw refuseTensor(stored);
    if (!FLOAT_DTYPES.includes(dtype)) {
      throw new ToolError('corrupt', {
        op: `${ADAPTER_FILE}: ${stored}`,
        expected: `one of ${FLOAT_DTYPES.join(', ')}`,
        got: dtype,
      });
    }
  }
  for (const [linear, { a, b }] of factors) {
    if (a === undefined || b === undefined) {
      throw corrupt(`${PEFT_PREFIX}${linear}.lora_${a === undefined ? 'A' : 'B'}.weight`, 'no such tensor');
    }
    const [rank, other] = [file.entry(a).shape[0], file.entry(b).shape[1]];
    if (rank !== other) throw corrupt(`${b} of rank ${rank}, that of ${a}`, `rank ${other}`);
  }
  return { config, file, files, factors: factors as ReadonlyMap<string, AdapterFactors>, savedTensors };
}

/**
 * Checks an adapter against the base that it is to be used on: each linear that its configuration chooses has factors
 * of the right shapes and no other has, and what was saved whole has the shape that it has in the base. Returns rank
 * and scale of each linear. An adapter for another base: ToolError 'config'.
 */
export function fitAdapter(
  adapter: OpenAdapter,
  config: DecoderConfig,
  weights: WeightIndex,
): ReadonlyMap<string, LoraPlace> {
  const { factors, file, savedTensors } = adapter;
  const { baseModel } = adapter.config;
  const refuse = (tensor: string, expected: string, got: string): never => {
    const hint = `The adapter was made for ${baseModel === undefined ? 'another base model' : JSON.stringify(baseModel)}.`;
    throw new ToolError('config', { op: `${file.name}: ${tensor}`, expected, got, hint });
  };
  const linears = adaptableLinears(config);
  const stray = [...factors.keys()].find((name) => !linears.has(name));
  if (stray !== undefined)
    refuse(factors.get(stray)!.a, 'an adapter of a linear that the base model has', 'one of another');
  // A configuration may save modules only and choose no linears at all.
  const places =
    factors.size === 0 ? new Map<string, LoraPlace>() : placeAdapters(linears, adapter.config, ADAPTER_CONFIG_FILE);
  for (const [name, { rank }] of places) {
    const [out, width] = linears.get(name) as [number, number];
    const own = factors.get(name);
    if (own === undefined)
      return refuse(`${PEFT_PREFIX}${name}.lora_A.weight`, `factors of ${name}, a target of its configuration`, 'none');
    const stored = file.entry(own.a).shape[0];
    if (stored !== rank) throw corrupt(`${own.a} of rank ${rank}, as ${ADAPTER_CONFIG_FILE} says`, `rank ${stored}`);
    for (const [tensor, shape] of [
      [own.a, [rank, width]],
      [own.b, [out, rank]],
    ] as const) {
      const stored = file.entry(tensor).shape;
      if (stored.join() !== shape.join()) refuse(tensor, `shape ${formatShape(shape)}`, formatShape(stored));
    }
  }
  const unchosen = [...factors.keys()].find((name) => !places.has(name));
  if (unchosen !== undefined)
    refuse(factors.get(unchosen)!.a, 'an adapter of a linear that target_modules chooses', 'one of another');
  if (config.tieWordEmbeddings && savedTensors.has(EMBEDDING) !== savedTensors.has(OUTPUT)) {
    // PEFT leaves the other one as it was, which makes two matrices of the one that they share.
    const name = savedTensors.get(EMBEDDING) ?? savedTensors.get(OUTPUT)!;
    refuse(name, 'both the embedding and the output matrix, which the base ties', 'one of them');
  }
  for (const [name, stored] of savedTensors) {
    const { shape } = file.entry(stored);
    const original = config.tieWordEmbeddings && name === OUTPUT ? EMBEDDING : name;
    if (!weights.has(original)) refuse(stored, 'a weight that the base model has', 'one of another');
    const expected = weights.entry(original).shape;
    if (shape.join() !== expected.join()) refuse(stored, `shape ${formatShape(expected)}`, formatShape(shape));
  }
  return places;
}

/** The linears that may have adapters, the output matrix included unless it is the embedding. */
function adaptableLinears(config: DecoderConfig): ReadonlyMap<string, Shape> {
  const specs = weightSpecs(config).filter(({ name, isLinear }) => isLinear || name === OUTPUT);
  return new Map(specs.map(({ name, shape }) => [name.slice(0, -'.weight'.length), shape]));
}

/** Modules that the configuration says are saved; PEFT also saves embeddings of their own accord when they were resized. */
function isSaved(name: string, { modulesToSave = [] }: AdapterConfig): boolean {
  if (name === EMBEDDING || name === OUTPUT) return true;
  const module = name.replace(/\.(weight|bias)$/, '');
  return module !== name && modulesToSave.some((saved) => module.endsWith(saved));
}

function refuseTensor(stored: string): ToolError {
  const kinds: readonly (readonly [RegExp, string])[] = [
    [/lora_embedding_/, 'an adapter of an embedding'],
    [/lora_magnitude_vector/, 'a magnitude of DoRA'],
    [/\.lora_[AB]\.bias$/, 'a bias of an adapter'],
    [/\.base_layer\./, 'a copy of a base weight'],
  ];
  return new ToolError('config', {
    op: `${ADAPTER_FILE}: ${stored}`,
    expected: `${PEFT_PREFIX}<linear>.lora_A.weight, .lora_B.weight or a module of modules_to_save`,
    got: kinds.find(([pattern]) => pattern.test(stored))?.[1] ?? 'another tensor',
    hint: 'Only plain LoRA of linear layers is supported.',
  });
}

function corrupt(expected: string, got: string): ToolError {
  return new ToolError('corrupt', { op: ADAPTER_FILE, expected, got });
}
