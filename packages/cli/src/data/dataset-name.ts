import { DATASETS, type DatasetName } from '@dawngrad/airl';
import { ToolError } from '@dawngrad/tensor';
import { nearest } from '../config/nearest.ts';

/** The data set of a name. Throws ToolError `usage` with the nearest one. */
export function datasetName(name: string): DatasetName {
  const names = Object.keys(DATASETS);
  if (names.includes(name)) return name as DatasetName;
  const close = nearest(name, names);
  throw new ToolError('usage', {
    op: '--format',
    expected: `one of ${names.join(', ')}`,
    got: JSON.stringify(name),
    ...(close === undefined ? {} : { hint: `Did you mean ${close}?` }),
  });
}
