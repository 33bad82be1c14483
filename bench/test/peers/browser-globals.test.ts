import { createGpu } from '@dawngrad/tensor/node';
import { afterAll, expect, test } from 'vitest';
import { installBrowserGlobals } from '../../src/peers/browser-globals.ts';

const navigatorBefore = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
const extended = [Object.getPrototypeOf(Object.getPrototypeOf([].values())) as object, Set.prototype, Promise];
const namesBefore = extended.map((target) => new Set(Reflect.ownKeys(target)));

// Other tests share the process, and must not pass on methods that their Node lacks.
afterAll(() => {
  extended.forEach((target, i) => {
    for (const key of Reflect.ownKeys(target)) if (!namesBefore[i]!.has(key)) Reflect.deleteProperty(target, key);
  });
  if (navigatorBefore === undefined) Reflect.deleteProperty(globalThis, 'navigator');
  else Object.defineProperty(globalThis, 'navigator', navigatorBefore);
});

/** The methods that are installed, which the library of types does not know. */
interface NewIterator<T> extends Iterable<T> {
  map<U>(body: (value: T, index: number) => U): NewIterator<U>;
  filter(isWanted: (value: T) => boolean): NewIterator<T>;
  take(count: number): NewIterator<T>;
  toArray(): T[];
  reduce(body: (total: T, value: T) => T): T;
}

test('iterators and sets get the methods that other libraries expect', () => {
  installBrowserGlobals(createGpu());
  const numbers = (): NewIterator<number> => [1, 2, 3, 4].values() as unknown as NewIterator<number>;
  expect(
    numbers()
      .map((value, index) => value * 10 + index)
      .filter((value) => value > 10)
      .take(2)
      .toArray(),
  ).toEqual([21, 32]);
  expect(numbers().reduce((a, b) => a + b)).toBe(10);
  const union = (new Set([1]) as unknown as { union(other: Set<number>): Set<number> }).union(new Set([2]));
  expect([...union]).toEqual([1, 2]);
});

test('navigator offers the same GPU as the product uses', () => {
  const gpu = createGpu();
  installBrowserGlobals(gpu);
  expect((globalThis as { readonly navigator?: { readonly gpu: GPU } }).navigator?.gpu).toBe(gpu);
});
