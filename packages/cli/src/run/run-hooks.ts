import type { RunContext } from '@dawngrad/airl';
import type { FileSystem } from '@dawngrad/models/node';

/** What looks on at a run from outside: a test that ends the process at a chosen place. Commands pass none. */
export interface RunHooks {
  /** Told of each place that the run comes by, with its kind. */
  readonly at: (place: string) => void;
  /** Where checkpoints are written, in place of the disk. */
  readonly fileSystem?: FileSystem;
  /** Starts sooner: the adapter's kernels were tested by an earlier start. */
  readonly skipsKernelTests?: boolean;
}

/** A context that tells the hooks of every place where a run can be ended from outside. */
export function hooked(context: RunContext, hooks: RunHooks | undefined): RunContext {
  if (hooks === undefined) return context;
  const { at } = hooks;
  const { reporter } = context;
  return {
    ...context,
    reporter: {
      step: (stage, done, total, metrics) => {
        reporter.step(stage, done, total, metrics);
        at('step');
      },
      note: (text) => reporter.note(text),
      plan: (stages) => reporter.plan?.(stages),
      phase: (phase, done, total, tokens) => {
        reporter.phase?.(phase, done, total, tokens);
        at(phase);
      },
    },
    metrics: (row) => {
      context.metrics(row);
      at('row');
    },
    samples: (row) => {
      context.samples(row);
      at('sample');
    },
    shouldAbandonRound: () => {
      at('drawing');
      return context.shouldAbandonRound?.() === true;
    },
    onRecorded: (part) => {
      context.onRecorded?.(part);
      at(part);
    },
  };
}
