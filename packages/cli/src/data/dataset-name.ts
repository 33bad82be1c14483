import { type DatasetName, datasets } from '@dawngrad/airl';
import { ToolError } from '@dawngrad/tensor';
import { nearest } from '../config/nearest.ts';

/** The data set of a name. Throws ToolError `usage` with the nearest one. */
export function datasetName(name: string): DatasetName {
  const names = datasets.names;
  if (datasets.has(name)) return name;
  const close = nearest(name, names);
  throw new ToolError('usage', {
    op: '--format',
    expected: `one of ${names.join(', ')}`,
    got: JSON.stringify(name),
    ...(close === undefined ? {} : { hint: `Did you mean ${close}?` }),
  });
}
