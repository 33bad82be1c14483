import { type AdapterClass, Device } from '@dawngrad/tensor';
import { createGpu } from '@dawngrad/tensor/node';

/** A shader module that Dawn compiled, and what its compiler had to say. */
export interface CompiledModule {
  readonly label: string;
  readonly code: string;
  readonly messages: Promise<readonly string[]>;
}

/** All features of the engine, experimental ones included. */
const FLAGS = ['backend=null', 'enable-dawn-features=allow_unsafe_apis'];

/** What a GPU with matrix units offers; the null backend itself names no shapes. */
const MATRIX_SHAPES = [
  { componentType: 'f16', resultComponentType: 'f32', M: 8, N: 8, K: 8 },
  { componentType: 'f16', resultComponentType: 'f16', M: 8, N: 8, K: 8 },
  { componentType: 'f32', resultComponentType: 'f32', M: 8, N: 8, K: 8 },
];

/**
 * A device of Dawn's null backend, which compiles and validates everything and runs nothing, under the name of
 * a real one: the engine refuses the backend by its own. `adapterClass` decides which kernels the engine takes.
 */
export async function openNullDevice(
  adapterClass: AdapterClass,
): Promise<{ device: Device; modules: readonly CompiledModule[] }> {
  const modules: CompiledModule[] = [];
  const gpu = createGpu(FLAGS);
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
  return { device: await Device.open({ requestAdapter } as unknown as GPU), modules };
}

/** The device itself, keeping a note of every module that it compiles. */
function recording(device: GPUDevice, modules: CompiledModule[]): GPUDevice {
  const createShaderModule = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const module = createShaderModule(descriptor);
    const messages = module
      .getCompilationInfo()
      .then((compilation) =>
        compilation.messages.map(({ type, lineNum, message }) => `${type} at ${lineNum}: ${message}`),
      );
    modules.push({ label: descriptor.label ?? '', code: descriptor.code, messages });
    return module;
  };
  return device;
}
