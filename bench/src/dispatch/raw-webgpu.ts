/** Ways to hand a launch to WebGPU, with nothing of ours around them: what an engine can cost at least, and at most. */
export class RawWebGpu {
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  readonly #entries: readonly GPUBindGroupEntry[];
  readonly #bindGroup: GPUBindGroup;

  private constructor(device: GPUDevice) {
    this.#device = device;
    const code = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] += x[id.x]; }`;
    this.#pipeline = device.createComputePipeline({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code }) },
    });
    this.#entries = [0, 1].map((binding) => ({
      binding,
      resource: { buffer: device.createBuffer({ size: 256, usage: GPUBufferUsage.STORAGE }) },
    }));
    this.#bindGroup = this.#makeBindGroup();
  }

  static async open(gpu: GPU): Promise<RawWebGpu> {
    const adapter = await gpu.requestAdapter();
    return new RawWebGpu(await adapter!.requestDevice());
  }

  /** A submit, a pass and a new bind group for every launch, as jax-js and tinygrad do. */
  encodeOneByOne(launches: number): void {
    for (let i = 0; i < launches; i++) {
      const encoder = this.#device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.#launch(pass, this.#makeBindGroup());
      pass.end();
      this.#device.queue.submit([encoder.finish()]);
    }
  }

  /** One submit, one pass, one bind group that is kept. */
  encodeTogether(launches: number): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < launches; i++) this.#launch(pass, this.#bindGroup);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  async finish(): Promise<void> {
    await this.#device.queue.onSubmittedWorkDone();
  }

  close(): void {
    this.#device.destroy();
  }

  #launch(pass: GPUComputePassEncoder, bindGroup: GPUBindGroup): void {
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(1);
  }

  #makeBindGroup(): GPUBindGroup {
    return this.#device.createBindGroup({ layout: this.#pipeline.getBindGroupLayout(0), entries: [...this.#entries] });
  }
}
