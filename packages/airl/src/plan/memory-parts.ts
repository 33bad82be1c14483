import type { BufferPool, MemoryOwner } from '@dawngrad/tensor';

/** What device memory is for. All that belongs to the critic but what its work takes for a moment is `critic`. */
export const MEMORY_PARTS = [
  'weights',
  'adapters',
  'gradients',
  'optimizer',
  'best weights',
  'reference',
  'critic',
  'kv cache',
  'activations',
  'workspace',
] as const;
export type MemoryPart = (typeof MEMORY_PARTS)[number];

/** Bytes by part. */
export type PartBytes = Readonly<Record<MemoryPart, number>>;

/** What results of operations and what the gradient keeps of them are labelled: `tensor/linear`, `tensor/attention/stats`. */
const ACTIVATION = /^tensor\/[a-z0-9-]+(\/(stats|inverse))?$/;

/** What is held only while something runs. */
function passingPart(label: string): MemoryPart {
  if (label.startsWith('models/kv-cache/')) return 'kv cache';
  return ACTIVATION.test(label) ? 'activations' : 'workspace';
}

/**
 * Tells whose the bytes of a device are: what was made under a part stays that part's, although other parts have
 * buffers of the same labels (policy and critic are models both).
 */
export class MemoryParts {
  readonly #pool: BufferPool;
  readonly #held = new Map<string, Map<MemoryPart, number>>();

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Makes something that stays; its buffers belong to the part that `partOf` gives their labels. */
  async hold<T>(partOf: (label: string) => MemoryPart, make: () => T | Promise<T>): Promise<T> {
    const before = bytesByLabel(this.#pool.byLabel());
    const made = await make();
    for (const { label, bytes } of this.#pool.byLabel()) {
      const added = bytes - (before.get(label) ?? 0);
      if (added <= 0) continue;
      const parts = this.#held.get(label) ?? new Map<MemoryPart, number>();
      parts.set(partOf(label), (parts.get(partOf(label)) ?? 0) + added);
      this.#held.set(label, parts);
    }
    return made;
  }

  /** Bytes of a part that stay. */
  held(part: MemoryPart): number {
    return [...this.#held.values()].reduce((total, parts) => total + (parts.get(part) ?? 0), 0);
  }

  /** The bytes of some owners by part. */
  split(owners: readonly MemoryOwner[]): PartBytes {
    const totals = Object.fromEntries(MEMORY_PARTS.map((part) => [part, 0])) as Record<MemoryPart, number>;
    for (const { label, bytes } of owners) {
      let rest = bytes;
      for (const [part, held] of this.#held.get(label) ?? []) {
        const own = Math.min(held, rest);
        totals[part] += own;
        rest -= own;
      }
      totals[passingPart(label)] += rest;
    }
    return totals;
  }
}

function bytesByLabel(owners: readonly MemoryOwner[]): Map<string, number> {
  return new Map(owners.map(({ label, bytes }) => [label, bytes]));
}
