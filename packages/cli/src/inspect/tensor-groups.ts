import type { TensorRow } from './inspection.ts';

/** Tensors that differ in the number of their layer only. */
export interface TensorGroup {
  /** With the numbers of the layers in braces, such as `model.layers.{0..23}.mlp.up_proj.weight`. */
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly count: number;
  /** Of all together. */
  readonly bytes: number;
}

/** Groups tensors of equal type and shape over the first number in their names, in the order of their firsts. */
export function groupTensors(tensors: readonly TensorRow[]): readonly TensorGroup[] {
  const groups = new Map<string, { first: TensorRow; layers: number[]; bytes: number }>();
  for (const tensor of tensors) {
    const [, before, layer, after] = LAYER.exec(tensor.name) ?? [];
    const key = [before ?? tensor.name, after ?? '', layer === undefined, tensor.dtype, tensor.shape].join('\n');
    const group = groups.get(key) ?? { first: tensor, layers: [], bytes: 0 };
    group.layers.push(Number(layer));
    group.bytes += tensor.bytes;
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first, layers, bytes }) => {
    const { name, dtype, shape } = first;
    const grouped = layers.length === 1 ? name : name.replace(LAYER, `$1{${ranges(layers)}}$3`);
    return { name: grouped, dtype, shape, count: layers.length, bytes };
  });
}

const LAYER = /^(.*?\.)(\d{1,9})(\..*)$/;

/** `0..3,7` */
function ranges(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const spans: [number, number][] = [];
  for (const number of sorted) {
    const last = spans.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else spans.push([number, number]);
  }
  return spans.map(([low, high]) => (low === high ? `${low}` : `${low}..${high}`)).join(',');
}
