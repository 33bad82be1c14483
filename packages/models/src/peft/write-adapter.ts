import type { DirectorySink } from '../io/byte-source.ts';
import { safetensorsSize, writeSafetensors } from '../io/safetensors-writer.ts';
import type { TensorSource } from '../io/tensor-source.ts';
import { ADAPTER_CONFIG_FILE, type AdapterConfig, adapterConfigToJson } from './adapter-config.ts';
import { ADAPTER_FILE, PEFT_PREFIX } from './open-adapter.ts';

/** What goes into a saved adapter. */
export interface AdapterContents {
  readonly config: AdapterConfig;
  /** `<linear>.lora_A.weight` and `<linear>.lora_B.weight` of each linear, and weights that are saved whole. */
  readonly tensors: readonly TensorSource[];
  /** Other files, byte for byte: a tokenizer, terms. */
  readonly sideFiles?: ReadonlyMap<string, Uint8Array>;
}

const METADATA = { format: 'pt' };

/** Writes an adapter in PEFT's layout: adapter_config.json and adapter_model.safetensors. */
export async function writeAdapter(directory: DirectorySink, contents: AdapterContents): Promise<void> {
  const { config, tensors, sideFiles = new Map<string, Uint8Array>() } = contents;
  const json = new TextEncoder().encode(`${JSON.stringify(adapterConfigToJson(config), null, 2)}\n`);
  await directory.writeFile(ADAPTER_CONFIG_FILE, (sink) => sink.write(json));
  for (const [name, bytes] of sideFiles) await directory.writeFile(name, (sink) => sink.write(bytes));
  const stored = prefixed(tensors);
  await directory.writeFile(ADAPTER_FILE, (sink) => writeSafetensors(sink, stored, METADATA));
}

/** Bytes that `writeAdapter` needs on the disk, or somewhat more. */
export function adapterSize({ tensors, sideFiles }: AdapterContents): number {
  const sideBytes = [...(sideFiles?.values() ?? [])].reduce((sum, bytes) => sum + bytes.byteLength, 0);
  return safetensorsSize(prefixed(tensors), METADATA) + sideBytes + 65_536;
}

function prefixed(tensors: readonly TensorSource[]): TensorSource[] {
  return tensors.map((tensor) => ({ ...tensor, name: `${PEFT_PREFIX}${tensor.name}` }));
}
