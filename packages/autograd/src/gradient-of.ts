import type { AnyOpDef } from '@dawngrad/tensor';
import type { AnyGradient } from './gradient.ts';
import { gradientTable } from './grads/table.ts';

/** The gradient of an op: the one on its definition, else the one that the table has under its name. */
export function gradientOf(def: AnyOpDef): AnyGradient | undefined {
  return def.gradient ?? gradientTable[def.name];
}
