/** A stretch that two sequences have in common. */
interface Match {
  readonly a: number;
  readonly b: number;
  readonly size: number;
}

/**
 * The positions of an edited sequence that are not those of the clean one, ascending: what lies
 * outside the common stretches, and the first place at which the two differ, which an alignment may
 * pass over (a token left out has no place of its own). Stretches are found longest first, on both
 * sides of it again (Ratcliff and Obershelp, "Pattern Matching: The Gestalt Approach", 1988), as the
 * published localisation files have it.
 */
export function changedPositions(clean: ArrayLike<number>, edited: ArrayLike<number>): number[] {
  const changed = new Set(Array.from({ length: edited.length }, (_, t) => t));
  for (const { b, size } of commonStretches(clean, edited)) {
    for (let t = b; t < b + size; t++) changed.delete(t);
  }
  const first = firstMismatch(clean, edited);
  if (first !== undefined) changed.add(first);
  return [...changed].sort((a, b) => a - b);
}

function firstMismatch(a: ArrayLike<number>, b: ArrayLike<number>): number | undefined {
  const shared = Math.min(a.length, b.length);
  for (let t = 0; t < shared; t++) if (a[t] !== b[t]) return t;
  return a.length === b.length ? undefined : shared;
}

function commonStretches(a: ArrayLike<number>, b: ArrayLike<number>): Match[] {
  const places = new Map<number, number[]>();
  for (let j = 0; j < b.length; j++) {
    const known = places.get(b[j]!);
    if (known === undefined) places.set(b[j]!, [j]);
    else known.push(j);
  }
  const found: Match[] = [];
  const open: [number, number, number, number][] = [[0, a.length, 0, b.length]];
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    const [aStart, aEnd, bStart, bEnd] = range;
    const match = longestMatch(a, places, range);
    if (match.size === 0) continue;
    found.push(match);
    open.push([aStart, match.a, bStart, match.b], [match.a + match.size, aEnd, match.b + match.size, bEnd]);
  }
  return found;
}

/** The longest stretch in common, the first in `a` and then the first in `b` among equals. */
function longestMatch(
  a: ArrayLike<number>,
  places: ReadonlyMap<number, readonly number[]>,
  [aStart, aEnd, bStart, bEnd]: readonly [number, number, number, number],
): Match {
  let best: Match = { a: aStart, b: bStart, size: 0 };
  /** Length of the stretch that ends at each place of b and at the item of a before this one. */
  let lengths = new Map<number, number>();
  for (let i = aStart; i < aEnd; i++) {
    const next = new Map<number, number>();
    for (const j of places.get(a[i]!) ?? []) {
      if (j < bStart) continue;
      if (j >= bEnd) break;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best.size) best = { a: i - size + 1, b: j - size + 1, size };
    }
    lengths = next;
  }
  return best;
}
