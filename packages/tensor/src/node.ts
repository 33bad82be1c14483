import { create, globals } from 'webgpu';
import { Device, type DeviceOptions } from './gpu/device.ts';

// The package's types are those of browsers; of Node this file needs no more.
declare const process: { readonly env: Readonly<Record<string, string | undefined>> };

/**
 * Dawn's instances, for the life of the process: the addon crashes if an instance is collected while
 * one of its devices still has work under way.
 */
const instances = new Map<string, GPU>();

/** Dawn's entry point in Node. `flags` are Dawn's own, such as `backend=vulkan`. */
export function createGpu(flags: readonly string[] = []): GPU {
  const key = flags.join(';');
  const found = instances.get(key);
  if (found !== undefined) return found;
  // Dawn's classes (GPUOutOfMemoryError and others) are globals in a browser; some checks need them.
  Object.assign(globalThis, globals);
  const created = create([...flags]);
  instances.set(key, created);
  return created;
}

/**
 * Opens the adapter that Dawn prefers. Throws ToolError 'no-adapter' where there is none. The features that
 * DAWNGRAD_WITHOUT names, separated by commas, are not used, so that every fallback can be tested anywhere.
 */
export async function openDevice(
  options: DeviceOptions & { readonly flags?: readonly string[] } = {},
): Promise<Device> {
  const named = (process.env.DAWNGRAD_WITHOUT ?? '').split(',').filter((name) => name !== '');
  return Device.open(createGpu(options.flags), { ...options, without: [...(options.without ?? []), ...named] });
}
