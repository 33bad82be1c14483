type Callback = (value: unknown, index: number) => unknown;

/** Methods of iterators that jax-js uses and Node 20 lacks (ES2025), written as generators over any iterable. */
const ITERATOR_METHODS = {
  *map(this: Iterable<unknown>, body: Callback) {
    let index = 0;
    for (const value of this) yield body(value, index++);
  },
  *filter(this: Iterable<unknown>, isWanted: Callback) {
    let index = 0;
    for (const value of this) if (isWanted(value, index++)) yield value;
  },
  *flatMap(this: Iterable<unknown>, body: (value: unknown, index: number) => Iterable<unknown>) {
    let index = 0;
    for (const value of this) yield* body(value, index++);
  },
  *take(this: Iterable<unknown>, count: number) {
    let left = count;
    for (const value of this) {
      if (left-- <= 0) return;
      yield value;
    }
  },
  toArray(this: Iterable<unknown>) {
    return [...this];
  },
  forEach(this: Iterable<unknown>, body: Callback) {
    [...this].forEach(body);
  },
  some(this: Iterable<unknown>, isWanted: Callback) {
    return [...this].some(isWanted);
  },
  every(this: Iterable<unknown>, isWanted: Callback) {
    return [...this].every(isWanted);
  },
  find(this: Iterable<unknown>, isWanted: Callback) {
    return [...this].find(isWanted);
  },
  reduce(this: Iterable<unknown>, body: (total: unknown, value: unknown) => unknown, ...start: unknown[]) {
    const values = [...this];
    return start.length > 0 ? values.reduce(body, start[0]) : values.reduce(body);
  },
};

/** The same for sets. */
const SET_METHODS = {
  union(this: Set<unknown>, other: Iterable<unknown>) {
    return new Set([...this, ...other]);
  },
  intersection(this: Set<unknown>, other: Set<unknown>) {
    return new Set([...this].filter((value) => other.has(value)));
  },
  difference(this: Set<unknown>, other: Set<unknown>) {
    return new Set([...this].filter((value) => !other.has(value)));
  },
  isSubsetOf(this: Set<unknown>, other: Set<unknown>) {
    return [...this].every((value) => other.has(value));
  },
};

/** Makes Node look enough like a browser for libraries that are written for one. Call it before importing them. */
export function installBrowserGlobals(gpu: GPU): void {
  const userAgent = 'Mozilla/5.0 (X11; Linux x86_64) Node';
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { gpu, userAgent, language: 'en' } });
  acceptSharedMemory();
  const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([].values())) as object;
  defineMissing(iteratorPrototype, ITERATOR_METHODS);
  defineMissing(Set.prototype, SET_METHODS);
  defineMissing(Promise, {
    withResolvers() {
      let settle: unknown[] = [];
      const promise = new Promise((resolve, reject) => {
        settle = [resolve, reject];
      });
      return { promise, resolve: settle[0], reject: settle[1] };
    },
  });
}

/** Dawn's Node binding refuses views of shared memory in `writeBuffer`, where browsers take them: copies them. */
function acceptSharedMemory(): void {
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, start, size) {
    const isView = ArrayBuffer.isView(data);
    const memory = isView ? data.buffer : data;
    if (!(memory instanceof SharedArrayBuffer)) return writeBuffer.call(this, buffer, offset, data, start, size);
    // Where and how much is counted in elements of a view, and in bytes otherwise.
    const unit = isView && 'BYTES_PER_ELEMENT' in data ? (data.BYTES_PER_ELEMENT as number) : 1;
    const from = (isView ? data.byteOffset : 0) + (start ?? 0) * unit;
    const bytes = size === undefined ? data.byteLength - (start ?? 0) * unit : size * unit;
    return writeBuffer.call(this, buffer, offset, new Uint8Array(memory, from, bytes).slice());
  };
}

function defineMissing(target: object, methods: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(methods)) {
    if (!(name in target)) Object.defineProperty(target, name, { configurable: true, writable: true, value });
  }
}
