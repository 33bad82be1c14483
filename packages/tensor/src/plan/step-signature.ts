import { Tensor } from '../tensor.ts';

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

function identityOf(value: object): number {
  const known = identities.get(value);
  if (known !== undefined) return known;
  identities.set(value, nextIdentity);
  return nextIdentity++;
}

/** True for objects written as literals: what arguments and results are searched for tensors in, with arrays. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A value with every tensor in its nested arrays and plain objects replaced. */
export function mapTensors(value: unknown, replace: (tensor: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, replace));
  if (value === null || typeof value !== 'object' || !isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTensors(item, replace)]));
}

/** The part of a tensor's description that never changes. */
const layouts = new WeakMap<Tensor, string>();

function layoutOf(tensor: Tensor): string {
  const known = layouts.get(tensor);
  if (known !== undefined) return known;
  const { dtype, shape, strides, offset, storage } = tensor;
  const layout = `${dtype}[${shape.join()}]{${strides.join()}}+${offset}/${storage.bytes}`;
  layouts.set(tensor, layout);
  return layout;
}

/**
 * What a plan depends on: of a tensor its type, its layout and with which others it shares a buffer; of all
 * else the value, or the identity of objects that are neither arrays nor plain.
 */
export function stepSignature(args: readonly unknown[]): string {
  const storages: number[] = [];
  let text = '';
  const describe = (value: unknown): void => {
    if (value instanceof Tensor) {
      const { id } = value.storage;
      if (!storages.includes(id)) storages.push(id);
      text += `#${storages.indexOf(id)} ${layoutOf(value)};`;
    } else if (Array.isArray(value)) {
      text += '[';
      for (const item of value) describe(item);
      text += ']';
    } else if (typeof value === 'function' || (typeof value === 'object' && value !== null)) {
      if (typeof value === 'function' || !isPlainObject(value)) text += `@${identityOf(value)};`;
      else {
        text += '{';
        for (const key of Object.keys(value)) {
          text += `${JSON.stringify(key)}:`;
          describe(value[key]);
        }
        text += '}';
      }
    } else text += typeof value === 'string' ? JSON.stringify(value) : `${typeof value} ${String(value)};`;
  };
  for (const arg of args) describe(arg);
  return text;
}
