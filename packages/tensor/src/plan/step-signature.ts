import { Scalar } from '../scalar.ts';
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

/**
 * What a plan depends on: of a tensor its type, its layout and with which others it shares a buffer; of all
 * else the value, or the identity of objects that are neither arrays nor plain.
 */
export function stepSignature(args: readonly unknown[]): string {
  const storages: number[] = [];
  const describe = (value: unknown): unknown => {
    if (value instanceof Tensor) {
      const { id, bytes } = value.storage;
      if (!storages.includes(id)) storages.push(id);
      return ['tensor', value.dtype, value.shape, value.strides, value.offset, storages.indexOf(id), bytes];
    }
    if (Array.isArray(value)) return value.map(describe);
    if (typeof value === 'function' || (typeof value === 'object' && value !== null)) {
      if (value instanceof Scalar || typeof value === 'function' || !isPlainObject(value)) {
        return ['object', identityOf(value)];
      }
      return { ...Object.fromEntries(Object.entries(value).map(([key, item]) => [key, describe(item)])) };
    }
    // Values that JSON has no word for.
    return typeof value === 'number' || typeof value === 'bigint' || value === undefined ? [String(value)] : value;
  };
  return JSON.stringify(args.map(describe));
}
