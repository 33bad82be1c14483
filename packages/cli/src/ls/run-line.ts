import { configValue, lastMetric, type RunFolder, type RunKind, type RunState } from '../read-run/run-folder.ts';

/** A run in short. */
export interface RunLine {
  readonly path: string;
  readonly kind: RunKind;
  readonly state: RunState;
  /** The model that the run started from or evaluates; null where its configuration names none. */
  readonly model: string | null;
  readonly seed: number | null;
  /** Steps or rounds done, and those asked for; null where the run has none. */
  readonly step: number | null;
  readonly maxSteps: number | null;
  /** Best share of right answers on the dev rows, 0 to 1. */
  readonly devAccuracy: number | null;
  /** Mean reward of the last round. */
  readonly reward: number | null;
  /** When a file of the run was last written, ISO 8601. */
  readonly written: string;
}

export function runLine(run: RunFolder): RunLine {
  const { path, kind, state, config, metrics, writtenMs } = run;
  const accuracies = metrics.map((row) => row['eval/accuracy']).filter((value) => typeof value === 'number');
  return {
    path,
    kind,
    state,
    model: textOrNull(configValue(config, 'policy.model')),
    seed: numberOrNull(configValue(config, 'run.seed')),
    step: lastMetric(metrics, 'step') ?? null,
    maxSteps: numberOrNull(configValue(config, 'train.max_steps')),
    devAccuracy: accuracies.length === 0 ? null : Math.max(...accuracies),
    reward: lastMetric(metrics, 'reward') ?? null,
    written: new Date(writtenMs).toISOString(),
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
