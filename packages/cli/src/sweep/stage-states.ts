import type { StageManifest, StageState } from './stage-manifest.ts';

/** As a table shows it: `ready` may start, `held` waits for one that failed, `queued` is with Slurm. */
export type ShownState = StageState | 'ready' | 'held' | 'queued';

type Known = Pick<StageManifest, 'id' | 'state' | 'dependsOn'>;

/** The state of each stage, given that they come after those that they depend on. */
export function shownStates(stages: readonly Known[]): ReadonlyMap<string, ShownState> {
  const states = new Map<string, ShownState>();
  for (const { id, state, dependsOn } of stages) {
    const before = dependsOn.map((other) => states.get(other));
    const isHeld = before.some((other) => other === 'failed' || other === 'held');
    const isReady = before.every((other) => other === 'done');
    states.set(id, state !== 'waiting' ? state : isHeld ? 'held' : isReady ? 'ready' : 'waiting');
  }
  return states;
}

/** `3 done, 1 running, 8 waiting`. */
export function countText(states: ReadonlyMap<string, ShownState>): string {
  const order: readonly ShownState[] = ['done', 'running', 'queued', 'ready', 'waiting', 'stopped', 'failed', 'held'];
  const all = [...states.values()];
  return order
    .map((state) => ({ state, count: all.filter((one) => one === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(', ');
}
