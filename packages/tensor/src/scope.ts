import type { Tensor } from './tensor.ts';

/** A lifetime: tensors made while it is open end with it, unless they escape. */
class Scope {
  readonly #tensors = new Set<Tensor>();

  add(tensor: Tensor): void {
    this.#tensors.add(tensor);
  }

  /** Removes a tensor from the scope and hands it to `parent`, or to the caller if there is none. */
  release(tensor: Tensor, parent: Scope | undefined): void {
    if (this.#tensors.delete(tensor)) parent?.add(tensor);
  }

  disposeAll(): void {
    for (const tensor of this.#tensors) tensor.dispose();
    this.#tensors.clear();
  }
}

const open: Scope[] = [];

/** The outermost scope that is open now, as a token to compare; undefined outside of scopes. */
export function outermostScope(): object | undefined {
  return open[0];
}

/** Called by every new tensor. */
export function adopt(tensor: Tensor): void {
  open[open.length - 1]?.add(tensor);
}

/** Every tensor inside a value of nested arrays and plain objects. */
export function tensorsIn(value: unknown, found: Tensor[] = []): Tensor[] {
  if (value === null || typeof value !== 'object') return found;
  if (isTensor(value)) found.push(value);
  else if (Array.isArray(value)) for (const item of value) tensorsIn(item, found);
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) tensorsIn(item, found);
  return found;
}

function isTensor(value: object): value is Tensor {
  return 'storage' in value && 'strides' in value && 'dispose' in value;
}

function close(scope: Scope, result: unknown): void {
  const index = open.lastIndexOf(scope);
  open.splice(index, 1);
  const parent = open[index - 1];
  for (const tensor of tensorsIn(result)) scope.release(tensor, parent);
  scope.disposeAll();
}

/** Runs `body`; tensors that it makes are freed at its end, except those in its result. */
export function scope<T>(body: () => T): T {
  const current = new Scope();
  open.push(current);
  let result: T | undefined;
  try {
    result = body();
    return result;
  } finally {
    close(current, result);
  }
}

/**
 * The same for asynchronous bodies. Scopes form one stack, so bodies that are open at the same time
 * must end in reverse order: await one before starting the next.
 */
export async function scopeAsync<T>(body: () => Promise<T>): Promise<T> {
  const current = new Scope();
  open.push(current);
  let result: T | undefined;
  try {
    result = await body();
    return result;
  } finally {
    close(current, result);
  }
}

/** Takes a tensor out of all open scopes: it lives until it is disposed. */
export function keep(tensor: Tensor): Tensor {
  for (const current of open) current.release(tensor, undefined);
  return tensor;
}
