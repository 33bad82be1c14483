import { ToolError } from '../errors.ts';

/** What is known of an adapter before any work runs on it. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True for a driver that runs on the CPU (lavapipe, SwiftShader, WARP). */
  readonly isSoftware: boolean;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
}

/** Decides which static kernel choices suit an adapter: register tiles or workgroup-memory tiles. */
export type AdapterClass = 'cpu' | 'gpu';

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i;

export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const info = adapter.info;
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    isSoftware: info.isFallbackAdapter === true || SOFTWARE.test(text),
    subgroupMinSize: info.subgroupMinSize ?? 0,
    subgroupMaxSize: info.subgroupMaxSize ?? 0,
  };
}

/** Asks for an adapter; refuses none and Dawn's null backend, which accepts work and does nothing. */
export async function requestAdapter(gpu: GPU): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new ToolError('no-adapter', {
      op: 'device',
      expected: 'a WebGPU adapter',
      got: 'none',
      hint: 'run `dawngrad doctor`, or install a Vulkan driver (a software one will do: Mesa lavapipe).',
    });
  }
  const { vendor, architecture, description } = adapter.info;
  if (vendor === '' && architecture === '' && description === '') {
    throw new ToolError('no-adapter', {
      op: 'device',
      expected: 'an adapter that executes work',
      got: "Dawn's null backend",
      hint: 'unset options that select the null backend.',
    });
  }
  return adapter;
}
