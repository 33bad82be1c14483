import type { StageManifest } from '../stage-manifest.ts';

/** Stages that are submitted together, as one job array. */
export interface JobGroup {
  readonly stage: string;
  /** By their index in the array. */
  readonly tasks: ReadonlyMap<number, StageManifest>;
  /** As `dependencyText` takes it. */
  readonly needs:
    | { readonly kind: 'none' }
    /** Each task waits for the task of the same index of an earlier group. */
    | { readonly kind: 'same-index'; readonly group: number }
    /** All tasks wait for these stages. */
    | { readonly kind: 'all'; readonly ids: readonly string[] };
}

/**
 * Groups stages into job arrays so that each waits for what it depends on and for nothing else. Where every stage
 * takes from one stage of the same array, indices are matched (aftercorr); stages that take from the same several
 * stages share an array with that list (afterok). Earlier stages must come first.
 *
 * @param isDone of a stage outside `stages` that needs no waiting for; one that is not done has a job already
 */
export function jobGroups(stages: readonly StageManifest[], isDone: (id: string) => boolean): JobGroup[] {
  const groups: JobGroup[] = [];
  const placeOf = new Map<string, { readonly group: number; readonly index: number }>();
  const names = [...new Set(stages.map(({ stage }) => stage))];
  for (const name of names) {
    const own = stages.filter(({ stage }) => stage === name);
    const buckets = new Map<string, { needs: JobGroup['needs']; tasks: Map<number, StageManifest> }>();
    const rounds = new Map<string, number>();
    for (const stage of own) {
      const ids = stage.dependsOn.filter((id) => !isDone(id));
      const [first = ''] = ids;
      const place = ids.length === 1 ? placeOf.get(first) : undefined;
      let key = 'none';
      let needs: JobGroup['needs'] = { kind: 'none' };
      if (place !== undefined) {
        // Of several that take from the same stage each goes into an array of its own round.
        const round = rounds.get(first) ?? 0;
        rounds.set(first, round + 1);
        key = `index ${place.group} ${round}`;
        needs = { kind: 'same-index', group: place.group };
      } else if (ids.length > 0) {
        key = `all ${[...ids].sort().join(' ')}`;
        needs = { kind: 'all', ids };
      }
      const bucket = buckets.get(key) ?? { needs, tasks: new Map() };
      buckets.set(key, bucket);
      bucket.tasks.set(place?.index ?? bucket.tasks.size, stage);
    }
    for (const { needs, tasks } of buckets.values()) {
      for (const [index, { id }] of tasks) placeOf.set(id, { group: groups.length, index });
      groups.push({ stage: name, tasks, needs });
    }
  }
  return groups;
}
