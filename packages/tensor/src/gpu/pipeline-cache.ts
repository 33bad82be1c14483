import { ToolError } from '../errors.ts';
import { type Kernel, kernelDeclarations } from './kernel.ts';
import { COMPUTE_STAGE } from './usage.ts';

/** A compute pipeline on its way or ready, with the layout that its bind groups use. */
export interface PipelineEntry {
  readonly id: number;
  readonly kernel: Kernel;
  readonly layout: GPUBindGroupLayout;
  /** Bytes of the uniform block, 0 where the kernel has no parameters. */
  readonly paramBytes: number;
  pipeline: GPUComputePipeline | undefined;
  readonly ready: Promise<void>;
}

/** Compiles kernels, each key once and asynchronously, and turns compiler messages into errors. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #entries = new Map<string, PipelineEntry>();
  readonly #onFailure: (error: ToolError) => void;
  #nextId = 1;

  constructor(device: GPUDevice, onFailure: (error: ToolError) => void) {
    this.#device = device;
    this.#onFailure = onFailure;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(kernel: Kernel): PipelineEntry {
    const found = this.#entries.get(kernel.key);
    if (found !== undefined) return found;
    const created = this.#compile(kernel, this.#onFailure);
    this.#entries.set(kernel.key, created);
    return created;
  }

  /**
   * Compiles a kernel that may be more than this adapter can do: an error is returned and the kernel forgotten,
   * where `get` would count it as a failure of the device.
   */
  async probe(kernel: Kernel): Promise<ToolError | undefined> {
    if (this.#entries.has(kernel.key)) return undefined;
    let failure: ToolError | undefined;
    const entry = this.#compile(kernel, (error) => {
      failure = error;
    });
    await entry.ready;
    if (failure === undefined) this.#entries.set(kernel.key, entry);
    return failure;
  }

  #compile(kernel: Kernel, onFailure: (error: ToolError) => void): PipelineEntry {
    const device = this.#device;
    const limit = device.limits.maxStorageBuffersPerShaderStage;
    if (kernel.bindings.length > limit) {
      throw new ToolError('limit', {
        op: kernel.label,
        expected: `at most ${limit} storage buffers in a kernel (this adapter's limit)`,
        got: String(kernel.bindings.length),
      });
    }
    // Uniform blocks are rounded up to 16 bytes by WGSL's layout rules.
    const paramBytes = Math.ceil(kernel.params.length / 4) * 16;
    const entries: GPUBindGroupLayoutEntry[] = kernel.bindings.map((binding, index) => ({
      binding: index + 1,
      visibility: COMPUTE_STAGE,
      buffer: { type: binding.access === 'read' ? 'read-only-storage' : 'storage' },
    }));
    if (paramBytes > 0) {
      entries.unshift({
        binding: 0,
        visibility: COMPUTE_STAGE,
        buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: paramBytes },
      });
    }
    const layout = device.createBindGroupLayout({ label: kernel.label, entries });
    const code = `${kernelDeclarations(kernel)}${kernel.body()}`;
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ label: kernel.label, code });
    const compiled = device.createComputePipelineAsync({
      label: kernel.label,
      layout: device.createPipelineLayout({ label: kernel.label, bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main', ...(kernel.constants ? { constants: { ...kernel.constants } } : {}) },
    });
    const scope = device.popErrorScope();
    const entry: PipelineEntry = {
      id: this.#nextId++,
      kernel,
      layout,
      paramBytes,
      pipeline: undefined,
      // Both: the scope has the compiler's own words, the pipeline only says that its module is invalid.
      ready: Promise.allSettled([scope, compiled]).then(([captured, created]) => {
        const cause: unknown =
          (captured.status === 'fulfilled' ? captured.value : captured.reason) ??
          (created.status === 'rejected' ? created.reason : undefined);
        if (created.status === 'fulfilled' && cause === undefined) entry.pipeline = created.value;
        else onFailure(compileError(kernel, code, cause));
      }),
    };
    return entry;
  }
}

/** An error with the lines of WGSL around the place that the compiler names. */
function compileError(kernel: Kernel, code: string, cause: unknown): ToolError {
  const message = (cause as { message?: unknown }).message?.toString() ?? String(cause);
  const line = Number(/:(\d+):\d+/.exec(message)?.[1] ?? 0);
  const lines = code.split('\n');
  const excerpt = lines
    .slice(Math.max(0, line - 3), line + 2)
    .map((text, i) => `${Math.max(0, line - 3) + i + 1}: ${text}`)
    .join('\n');
  return new ToolError('device', {
    op: kernel.label,
    expected: 'a kernel that compiles on this adapter',
    got: `${message.split('\n').slice(0, 3).join(' ')}${line > 0 ? `\n${excerpt}\n` : ''}`,
    cause,
  });
}
