import { formatShape, ToolError } from '@dawngrad/tensor';
import type { WeightIndex } from '../io/weight-index.ts';
import type { WeightSpec } from '../weights/base-weights.ts';

/**
 * Throws ToolError 'corrupt' unless a checkpoint holds each weight with its shape and nothing unknown. To be
 * asked before anything is allocated: a configuration that lies may ask for any amount.
 *
 * @param ignored names that a checkpoint may hold besides, such as what is computed or stored twice
 */
export function checkWeights(
  specs: readonly WeightSpec[],
  weights: WeightIndex,
  ignored: (name: string) => boolean,
): void {
  const names = new Set(specs.map(({ name }) => name));
  const unknown = weights.names.filter((name) => !names.has(name) && !ignored(name));
  const missing = [...names].filter((name) => !weights.has(name));
  const list = (title: string, found: readonly string[]): string[] => {
    const more = found.length > 3 ? `, and ${found.length - 3} more` : '';
    return found.length === 0 ? [] : [`${title} ${found.slice(0, 3).join(', ')}${more}`];
  };
  if (unknown.length > 0 || missing.length > 0) {
    throw new ToolError('corrupt', {
      op: 'model weights',
      expected: `the ${names.size} weights of a model with this configuration`,
      got: [...list('missing', missing), ...list('unknown', unknown)].join('; '),
    });
  }
  for (const { name, shape } of specs) {
    const stored = weights.entry(name)!.shape;
    if (stored.join() === shape.join()) continue;
    throw new ToolError('corrupt', {
      op: name,
      expected: `shape ${formatShape(shape)} as config.json says`,
      got: formatShape(stored),
    });
  }
}
