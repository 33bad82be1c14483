import { WANTED_FEATURES } from '../gpu/device.ts';

/** What a dry adapter says of itself. */
export interface DryAdapter {
  /** Decides which kernels are chosen, and with them the working memory. */
  readonly adapterClass: 'cpu' | 'gpu';
  /** Limits that differ from those of a common GPU: bindings of 2 GiB, buffers of 4 GiB. */
  readonly limits?: Readonly<Partial<Record<string, number>>>;
  /** Default: all that the engine uses but subgroup matrices. */
  readonly features?: readonly string[];
}

/** Limits of a common discrete GPU under Vulkan; those that only draw are left out. */
const COMMON_LIMITS: Readonly<Record<string, number>> = {
  maxBindGroups: 4,
  maxBindingsPerBindGroup: 1000,
  maxBufferSize: 2 ** 32 - 4,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupSizeX: 1024,
  maxComputeWorkgroupSizeY: 1024,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupStorageSize: 32_768,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxDynamicStorageBuffersPerPipelineLayout: 16,
  maxDynamicUniformBuffersPerPipelineLayout: 16,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxStorageBuffersPerShaderStage: 16,
  maxUniformBufferBindingSize: 65_536,
  maxUniformBuffersPerShaderStage: 12,
  minStorageBufferOffsetAlignment: 256,
  minUniformBufferOffsetAlignment: 256,
};

const nothing = (): void => undefined;

/**
 * A GPU that takes all work, holds no memory and does nothing: a `Device` on it counts what the same calls would
 * allocate and launch, for plans of memory and cost. What is read from it is zero.
 */
export function dryGpu({ adapterClass, limits = {}, features }: DryAdapter): GPU {
  const known = new Set(features ?? WANTED_FEATURES.filter((name) => !name.includes('matrix')));
  const merged = { ...COMMON_LIMITS, ...limits };
  const buffer = ({ size }: { readonly size: number }): object => ({
    size,
    destroy: nothing,
    unmap: nothing,
    mapAsync: async () => undefined,
    getMappedRange: (_offset = 0, bytes = size) => new ArrayBuffer(bytes),
  });
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const encoder = {
    beginComputePass: () => pass,
    copyBufferToBuffer: nothing,
    finish: () => ({}),
  };
  const device = {
    features: known,
    limits: merged,
    // It is never lost.
    lost: new Promise(nothing),
    queue: { submit: nothing, writeBuffer: nothing, onSubmittedWorkDone: async () => undefined },
    addEventListener: nothing,
    destroy: nothing,
    pushErrorScope: nothing,
    popErrorScope: async () => null,
    createBuffer: buffer,
    createBindGroup: () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createShaderModule: () => ({}),
    createComputePipelineAsync: async () => ({}),
    createCommandEncoder: () => encoder,
  };
  const adapter = {
    features: known,
    limits: merged,
    info: {
      vendor: 'dawngrad',
      architecture: adapterClass,
      device: 'dry',
      description: 'no device: work is counted, not done',
      isFallbackAdapter: adapterClass === 'cpu',
      subgroupMinSize: 32,
      subgroupMaxSize: 32,
    },
    requestDevice: async () => device,
  };
  return { requestAdapter: async () => adapter } as unknown as GPU;
}
