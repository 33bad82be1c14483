import type { Parameters } from '@dawngrad/autograd';
import type { SafetensorsFile, TensorSource, WeightIndex } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';

/** Parameters for saving, each read from the device when it is written. A value that is not finite is an error. */
export function parameterSources(parameters: Parameters): TensorSource[] {
  return parameters.names.map((name) => source(name, parameters));
}

function source(name: string, parameters: Parameters): TensorSource {
  return {
    name,
    shape: parameters.spec(name).shape,
    read: async () => {
      const values = await parameters.read(name);
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

/**
 * Overwrites parameters with the tensors of their names, after `prefix`, in a file. ToolError 'corrupt' where shapes
 * differ.
 */
export async function readParameters(
  parameters: Parameters,
  file: SafetensorsFile | WeightIndex,
  prefix = '',
): Promise<void> {
  for (const name of parameters.names) {
    const expected = parameters.spec(name).shape;
    const { shape } = file.entry(prefix + name);
    if (shape.join() !== expected.join()) {
      throw new ToolError('corrupt', { op: name, expected: `shape [${expected}]`, got: `[${shape}]` });
    }
    parameters.set(name, await file.readF32(prefix + name));
  }
}
