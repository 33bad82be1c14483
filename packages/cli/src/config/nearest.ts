/**
 * The candidate that a misspelt word most likely means, or undefined where none is close. Case, `_`
 * and `-` do not count, so `maxRows` is near to `max_rows`. Of dotted keys the last part counts most,
 * since a right name in a wrong section is a common mistake.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const cost = keyDistance(word, candidate);
    // Of two as near, the one in the section that was named.
    const isNearer = cost === bestCost && sectionPart(candidate) === sectionPart(word);
    if (cost < bestCost || isNearer) {
      best = candidate;
      bestCost = cost;
    }
  }
  const name = lastPart(word);
  return bestCost <= Math.max(1, name.length * 0.45) ? best : undefined;
}

/** Distance of the last parts, plus a little for sections that differ. */
function keyDistance(word: string, candidate: string): number {
  const whole = editDistance(plain(word), plain(candidate));
  const names = nameDistance(plain(lastPart(word)), plain(lastPart(candidate)));
  const sections = editDistance(plain(sectionPart(word)), plain(sectionPart(candidate)));
  return Math.min(whole, names + Math.min(1, sections * 0.3));
}

/** A name cut short at an end, or with a word too many, costs less than its letters. */
function nameDistance(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  const isPart = short.length >= 3 && (long.startsWith(short) || long.endsWith(short));
  const distance = editDistance(a, b);
  return isPart ? Math.min(distance, 1 + 0.03 * (long.length - short.length)) : distance;
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}

function sectionPart(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf('.')));
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[_\-\s]/g, '');
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost 1 each. */
function editDistance(a: string, b: string): number {
  // Rows i-2, i-1 and i of the table; keys are short, so nothing cleverer pays. A file may hold any key, hence the cap.
  if (Math.abs(a.length - b.length) > 30) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}
