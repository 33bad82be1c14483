import type { AdapterClass } from '../gpu/adapter.ts';
import { Device } from '../gpu/device.ts';

/** A shader module that Dawn compiled, and what its compiler had to say. */
export interface CompiledModule {
  readonly label: string;
  readonly code: string;
  readonly messages: Promise<readonly string[]>;
}

/** Dawn's flags for a backend that has every feature and runs nothing. */
export const NULL_BACKEND: readonly string[] = ['backend=null', 'enable-dawn-features=allow_unsafe_apis'];

/** What a GPU with matrix units offers; the null backend itself names no shapes. */
const MATRIX_SHAPES = [
  { componentType: 'f16', resultComponentType: 'f32', M: 8, N: 8, K: 8 },
  { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 },
  { componentType: 'f32', resultComponentType: 'f32', M: 8, N: 8, K: 8 },
];

/**
 * A device of Dawn's null backend, which compiles and validates everything and runs nothing, under the name of
 * another: the engine refuses the backend by its own. `adapterClass` decides which kernels the engine takes.
 *
 * @param gpu Dawn's entry point with the flags `NULL_BACKEND`.
 */
export async function openNullDevice(
  gpu: GPU,
  adapterClass: AdapterClass,
): Promise<{ device: Device; modules: readonly CompiledModule[] }> {
  const modules: CompiledModule[] = [];
  const requestAdapter = async (): Promise<GPUAdapter> => {
    const adapter = (await gpu.requestAdapter())!;
    const info = {
      vendor: 'null',
      architecture: 'null',
      device: '',
      description: 'compiles only',
      isFallbackAdapter: adapterClass === 'cpu',
      subgroupMinSize: adapter.info.subgroupMinSize,
      subgroupMaxSize: adapter.info.subgroupMaxSize,
      subgroupMatrixConfigs: MATRIX_SHAPES,
    };
    const requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> =>
      recording(await adapter.requestDevice(descriptor), modules);
    return { features: adapter.features, limits: adapter.limits, info, requestDevice } as unknown as GPUAdapter;
  };
  const device = await Device.open({ requestAdapter } as unknown as GPU);
  // What was compiled so far only asks which spelling the compiler knows.
  modules.length = 0;
  return { device, modules };
}

/** The device itself, keeping a note of every module that it compiles. */
function recording(device: GPUDevice, modules: CompiledModule[]): GPUDevice {
  const createShaderModule = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const module = createShaderModule(descriptor);
    const messages = module
      .getCompilationInfo()
      .then((info) => info.messages.map(({ type, lineNum, message }) => `${type} at ${lineNum}: ${message}`));
    modules.push({ label: descriptor.label ?? '', code: descriptor.code, messages });
    return module;
  };
  return device;
}

/** All that the compiler said of the modules, with their labels. */
export async function compilerMessages(modules: readonly CompiledModule[]): Promise<string[]> {
  const said: string[] = [];
  for (const { label, messages } of modules) for (const message of await messages) said.push(`${label}: ${message}`);
  return said;
}
