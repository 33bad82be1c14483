import type { Draws } from './data/draws.ts';

/** What the replay needs to know of what it keeps. */
export interface ReplayItem {
  readonly id: string;
  readonly promptId: string;
  /** The round in which the item was made. */
  readonly round: number;
}

export interface ReplayCapacity {
  readonly positives: number;
  readonly negatives: number;
}

/** All that a replay holds, oldest first; what a checkpoint stores. */
export interface ReplayState<Item extends ReplayItem> {
  readonly positives: readonly Item[];
  readonly negatives: readonly Item[];
}

/** How a draw prefers the current round. */
export interface OnPolicyShare {
  readonly round: number;
  /** Least share of the draw that comes from the round, as far as it has items. */
  readonly fraction: number;
}

/**
 * Two bounded queues of critic examples; the oldest leave first. Draws are uniform without replacement
 * and take their randomness from outside, so that the contents are the whole state.
 */
export class Replay<Item extends ReplayItem> {
  private readonly capacity: ReplayCapacity;
  private positives: readonly Item[];
  private negatives: readonly Item[];

  constructor(capacity: ReplayCapacity, state: ReplayState<Item> = { positives: [], negatives: [] }) {
    this.capacity = capacity;
    this.positives = newest(state.positives, capacity.positives);
    this.negatives = newest(state.negatives, capacity.negatives);
  }

  get state(): ReplayState<Item> {
    return { positives: this.positives, negatives: this.negatives };
  }

  /**
   * @param oldestRound items of earlier rounds leave, also where there is room: a round has fewer items of a class than
   * it has samples once some are relabelled or left out
   */
  push(added: Partial<ReplayState<Item>>, oldestRound = Number.NEGATIVE_INFINITY): void {
    const kept = (items: readonly Item[]): readonly Item[] => items.filter(({ round }) => round >= oldestRound);
    this.positives = newest([...kept(this.positives), ...(added.positives ?? [])], this.capacity.positives);
    this.negatives = newest([...kept(this.negatives), ...(added.negatives ?? [])], this.capacity.negatives);
  }

  /**
   * One negative for each prompt, of that prompt, so that which prompt it is tells nothing of the class;
   * undefined for a prompt without negatives. The first share of the prompts is served from the current
   * round where it has samples of theirs, the others from all rounds. A prompt that stands here twice is
   * given two different negatives as far as it has them.
   */
  drawMatched(promptIds: readonly string[], share: OnPolicyShare, draws: Draws): (Item | undefined)[] {
    const taken = new Set<Item>();
    const freshCount = Math.ceil(share.fraction * promptIds.length);
    return promptIds.map((promptId, i) => {
      const all = this.negatives.filter((item) => item.promptId === promptId);
      const unused = all.filter((item) => !taken.has(item));
      const pool = unused.length > 0 ? unused : all;
      const current = i < freshCount ? pool.filter(({ round }) => round === share.round) : [];
      const from = current.length > 0 ? current : pool;
      const item = from.length > 0 ? draws.pick(from) : undefined;
      if (item !== undefined) taken.add(item);
      return item;
    });
  }
}

function newest<Item>(items: readonly Item[], capacity: number): readonly Item[] {
  return items.length > capacity ? items.slice(items.length - capacity) : items;
}
