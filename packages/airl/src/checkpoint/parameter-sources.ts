import type { Parameters } from '@dawngrad/autograd';
import type { DecoderModel, SafetensorsFile, TensorSource, WeightIndex } from '@dawngrad/models';
import { add, affine, matmul, read, scopeAsync, type Tensor, ToolError } from '@dawngrad/tensor';

/** Parameters for saving, each read from the device when it is written. A value that is not finite is an error. */
export function parameterSources(parameters: Parameters): TensorSource[] {
  return parameters.names.map((name) => source(name, parameters, () => parameters.get(name)));
}

/** The weights of a model with its adapters, if it has any, merged in: W + (alpha / rank) B A. */
export function mergedSources(model: DecoderModel): TensorSource[] {
  const { base, adapters } = model;
  return base.names.map((name) => {
    const linear = name.slice(0, -'.weight'.length);
    return source(name, base, () => {
      const weight = base.get(name);
      if (adapters === undefined || !adapters.has(linear)) return weight;
      const a = adapters.parameters.get(`${linear}.lora_A.weight`);
      const b = adapters.parameters.get(`${linear}.lora_B.weight`);
      return add(weight, affine(matmul(b, a), adapters.options.alpha / adapters.options.rank, 0));
    });
  });
}

function source(name: string, parameters: Parameters, tensorOf: () => Tensor): TensorSource {
  return {
    name,
    shape: parameters.spec(name).shape,
    read: async () => {
      const values = (await scopeAsync(async () => read(tensorOf()))) as Float32Array;
      const bad = values.findIndex((value) => !Number.isFinite(value));
      if (bad < 0) return values;
      throw new ToolError('failed', {
        op: `saving ${name}`,
        expected: 'finite weights',
        got: `${values[bad]} at element ${bad}`,
        hint: 'the checkpoint before this one is untouched; lower the learning rate and go on from it.',
      });
    },
  };
}

/** Overwrites parameters with the tensors of their names in a file. ToolError 'corrupt' where shapes differ. */
export async function readParameters(parameters: Parameters, file: SafetensorsFile | WeightIndex): Promise<void> {
  for (const name of parameters.names) {
    const expected = parameters.spec(name).shape;
    const { shape } = file.entry(name);
    if (shape.join() !== expected.join()) {
      throw new ToolError('corrupt', { op: name, expected: `shape [${expected}]`, got: `[${shape}]` });
    }
    parameters.set(name, await file.readF32(name));
  }
}
