export type { AnyOpDef } from '../op.ts';
export { indexArray, normalArray, refArray } from '../ops/reference.ts';
export { opTable } from '../ops/table.ts';
export { toTensor, worstError } from './compare.ts';
