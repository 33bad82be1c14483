import { uniformValues } from '../values.ts';
import type { Contender } from './contender.ts';
import { matmulModel } from './onnx-model.ts';

interface OrtTensor {
  getData(isReleased: boolean): Promise<Float32Array>;
}

interface OrtSession {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Record<string, OrtTensor>>;
}

/** What is used of the package `onnxruntime-web/webgpu`. */
export interface OnnxRuntime {
  readonly env: {
    logLevel: string;
    readonly wasm: { numThreads: number };
    readonly webgpu: { device: Promise<GPUDevice> };
  };
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { executionProviders: readonly ['webgpu']; preferredOutputLocation: 'gpu-buffer' },
    ): Promise<OrtSession>;
  };
  readonly Tensor: {
    fromGpuBuffer(buffer: GPUBuffer, options: { dataType: 'float32'; dims: readonly number[] }): OrtTensor;
  };
}

/** Its name in rows. It does not train: it takes part in the products alone, by its WebGPU execution provider. */
export const ONNX_RUNTIME = 'onnxruntime-web';

export function onnxRuntimeContender(ort: OnnxRuntime): Contender {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  return {
    name: ONNX_RUNTIME,
    matmul: async ({ m, n, k, transA, transB }) => {
      const session = await ort.InferenceSession.create(matmulModel({ m, n, k }, transA, transB), {
        executionProviders: ['webgpu'],
        preferredOutputLocation: 'gpu-buffer',
      });
      // There is one only after the first session.
      const device = await ort.env.webgpu.device;
      const upload = (dims: readonly [number, number], seed: number): { buffer: GPUBuffer; tensor: OrtTensor } => {
        const values = uniformValues(dims[0] * dims[1], seed);
        const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
        const buffer = device.createBuffer({ size: Math.ceil(values.byteLength / 16) * 16, usage });
        device.queue.writeBuffer(buffer, 0, values);
        return { buffer, tensor: ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims }) };
      };
      const a = upload(transA ? [k, m] : [m, k], 1);
      const b = upload(transB ? [n, k] : [k, n], 2);
      return {
        run: async () => {
          const { C } = await session.run({ A: a.tensor, B: b.tensor });
          return [await C!.getData(true)];
        },
        dispose: () => {
          a.buffer.destroy();
          b.buffer.destroy();
        },
      };
    },
  };
}
