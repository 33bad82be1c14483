import { ToolError } from '@dawngrad/tensor';
import type { PlannedStage } from './plan-sweep.ts';
import { type StageProcess, startStage } from './run-stage.ts';
import { readManifest, type StageManifest } from './stage-manifest.ts';
import { type ShownState, shownStates } from './stage-states.ts';

export interface LocalOptions {
  /** What runs dawngrad: an executable and its first arguments. */
  readonly command: readonly string[];
  /** Jobs at once. */
  readonly slots: number;
  /** Environments that say which adapter a job has, dealt to the slots in turn; empty: all have what there is. */
  readonly adapters: readonly Readonly<Record<string, string>>[];
  /** Told whenever a stage begins or ends. */
  readonly onChange: (stages: readonly StageManifest[], changed: StageManifest, slot: number) => void;
}

/** A sweep at work on this machine. */
export interface LocalSweep {
  /** Starts nothing more, and hands the signal to what runs: train stages save. */
  readonly stop: (signal: NodeJS.Signals) => void;
  readonly stages: () => readonly StageManifest[];
  readonly ended: Promise<ReadonlyMap<string, ShownState>>;
}

/**
 * Runs the stages of a plan, as many at once as there are slots, each as soon as all that it depends on is done. A
 * failure holds what depends on it and nothing else.
 */
export function startLocal(
  plan: readonly PlannedStage[],
  { command, slots, adapters, onChange }: LocalOptions,
): LocalSweep {
  const manifests = new Map(plan.map(({ manifest }) => [manifest.id, manifest]));
  const folders = new Map(plan.map(({ folder, manifest }) => [manifest.id, folder]));
  const free = Array.from({ length: slots }, (_, slot) => slot);
  const running = new Map<string, StageProcess>();
  let isStopping = false;
  const stages = (): StageManifest[] => [...manifests.values()];
  const stop = (signal: NodeJS.Signals): void => {
    isStopping = true;
    for (const stage of running.values()) stage.signal(signal);
  };
  return { stop, stages, ended: work() };

  async function work(): Promise<ReadonlyMap<string, ShownState>> {
    const ends = new Map<string, Promise<void>>();
    let fatal: unknown;
    for (;;) {
      if (!isStopping) {
        const states = shownStates(stages());
        for (const [id, state] of states) {
          const slot = free[0];
          if (state !== 'ready' || slot === undefined) continue;
          free.shift();
          try {
            begin(id, slot, ends);
          } catch (error) {
            // A full disk or a stage that somebody else is at is not the stage's fault: what runs goes on, no more begins.
            fatal ??= error;
            isStopping = true;
            break;
          }
        }
      }
      if (ends.size === 0) break;
      await Promise.race(ends.values());
    }
    if (fatal !== undefined) throw fatal;
    return shownStates(stages());
  }

  function begin(id: string, slot: number, ends: Map<string, Promise<void>>): void {
    const env = adapters.length === 0 ? {} : (adapters[slot % adapters.length] as Readonly<Record<string, string>>);
    const folder = folders.get(id) as string;
    const stage = startStage(folder, { command, env });
    running.set(id, stage);
    const refresh = (): void => {
      const manifest = readManifest(folder);
      if (manifest === undefined) throw new ToolError('failed', { op: folder, expected: 'its manifest', got: 'none' });
      manifests.set(id, manifest);
      onChange(stages(), manifest, slot);
    };
    refresh();
    const end = stage.ended.then(() => {
      running.delete(id);
      ends.delete(id);
      free.push(slot);
      free.sort((a, b) => a - b);
      refresh();
    });
    ends.set(id, end);
  }
}
