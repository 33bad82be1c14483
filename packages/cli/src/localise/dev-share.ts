import { createHash } from 'node:crypto';

/** The ids of a share of all: those whose hash with the seed is low, so that it does not depend on their order. */
export function devShare(ids: Iterable<string>, fraction: number, seed: number): Set<string> {
  return new Set(
    [...ids].filter((id) => {
      const hash = createHash('sha256').update(`${seed} ${id}`).digest();
      return hash.readUInt32BE(0) / 2 ** 32 < fraction;
    }),
  );
}
