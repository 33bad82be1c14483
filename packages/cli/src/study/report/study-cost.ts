import type { PartRecord } from '../part-store.ts';

/** What the record of a finished part tells of its cost. */
export type CostRecord = Pick<
  PartRecord,
  'kind' | 'seed' | 'flops' | 'tokens' | 'wallSeconds' | 'commit' | 'adapter' | 'driver'
>;

/** The parts of one kind together. */
export interface KindCost {
  readonly kind: string;
  readonly parts: number;
  /** 2 x weights x tokens forward, 6 x in training, from the tokens of average problems. */
  readonly flops: number;
  /** That pass through a model, each as often as it does. */
  readonly tokens: number;
  readonly seconds: number;
}

/** What a study took, and where. */
export interface StudyCost {
  readonly kinds: readonly KindCost[];
  readonly total: Omit<KindCost, 'kind'>;
  /** Whose parts are added up. */
  readonly seeds: number;
  /** Of the seed that took longest, all settings together. */
  readonly secondsOfLongestSeed: number;
  readonly commits: readonly string[];
  readonly adapters: readonly string[];
  readonly drivers: readonly string[];
}

/** Adds up the parts of a study; one that several seeds or settings share is given once. */
export function studyCost(parts: readonly CostRecord[]): StudyCost {
  const distinct = (key: 'commit' | 'adapter' | 'driver'): string[] => [
    ...new Set(parts.map((part) => part[key] ?? 'not from a git checkout')),
  ];
  const seconds = new Map<number, number>();
  for (const { seed, wallSeconds } of parts) seconds.set(seed, (seconds.get(seed) ?? 0) + wallSeconds);
  return {
    kinds: [...new Set(parts.map(({ kind }) => kind))].map((kind) => ({
      kind,
      ...sumOf(parts.filter((part) => part.kind === kind)),
    })),
    total: sumOf(parts),
    seeds: seconds.size,
    secondsOfLongestSeed: Math.max(0, ...seconds.values()),
    commits: distinct('commit'),
    adapters: distinct('adapter'),
    drivers: distinct('driver'),
  };
}

function sumOf(parts: readonly CostRecord[]): Omit<KindCost, 'kind'> {
  const sum = (of: (part: CostRecord) => number): number => parts.reduce((total, part) => total + of(part), 0);
  return {
    parts: parts.length,
    flops: sum(({ flops }) => flops),
    tokens: sum(({ tokens }) => tokens),
    seconds: sum(({ wallSeconds }) => wallSeconds),
  };
}
