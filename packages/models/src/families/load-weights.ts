import type { Parameters } from '@dawngrad/autograd';
import { formatShape, ToolError } from '@dawngrad/tensor';
import type { WeightIndex } from '../io/weight-index.ts';

/**
 * Fills parameters from a checkpoint, which must hold each of them with its shape and nothing unknown.
 *
 * @param ignored names that a checkpoint may hold besides, such as what is computed or stored twice
 */
export async function loadWeights(
  parameters: Parameters,
  weights: WeightIndex,
  ignored: (name: string) => boolean,
): Promise<void> {
  const { names } = parameters;
  const unknown = weights.names.filter((name) => !parameters.has(name) && !ignored(name));
  const missing = names.filter((name) => !weights.has(name));
  const list = (title: string, found: readonly string[]): string[] =>
    found.length === 0
      ? []
      : [`${title} ${found.slice(0, 3).join(', ')}${found.length > 3 ? `, and ${found.length - 3} more` : ''}`];
  if (unknown.length > 0 || missing.length > 0) {
    throw new ToolError('corrupt', {
      op: 'model weights',
      expected: `the ${names.length} weights of a model with this configuration`,
      got: [...list('missing', missing), ...list('unknown', unknown)].join('; '),
    });
  }
  for (const name of names) {
    const { shape } = parameters.spec(name);
    const stored = weights.entry(name)!.shape;
    if (stored.join() !== shape.join()) {
      throw new ToolError('corrupt', {
        op: name,
        expected: `shape ${formatShape(shape)} as config.json says`,
        got: formatShape(stored),
      });
    }
  }
  for (const name of names) parameters.set(name, await weights.readF32(name));
}
