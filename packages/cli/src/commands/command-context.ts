import type { Plugins } from '../plugins/plugins.ts';
import type { RunHooks } from '../run/run-hooks.ts';

/** What a command works with besides its arguments. */
export interface CommandContext {
  /** Prints results, for people and for pipes. */
  readonly out: (text: string) => void;
  /** Prints progress, notes and errors. */
  readonly err: (text: string) => void;
  /** Sets what the process exits with; 0 unless a command says otherwise. */
  readonly exitWith: (code: number) => void;
  /** What adds to the names that configurations may have; none unless there. */
  readonly plugins?: Plugins;
  /** Of a test; see there. */
  readonly hooks?: RunHooks;
}
