import { join } from 'node:path';
import { fitTable } from '../ui/fit-table.ts';
import { terminalWidth } from '../ui/terminal-width.ts';
import type { StageManifest } from './stage-manifest.ts';
import { countText, shownStates } from './stage-states.ts';
import { durationText, secondsLeft, secondsOf, shareDone } from './sweep-eta.ts';
import { sweepTable } from './sweep-table.ts';

export interface SweepDisplayOptions {
  readonly write: (text: string) => void;
  /** A table that is drawn anew each second; else a line whenever a stage begins or ends. */
  readonly isTerminal: boolean;
  readonly slots: number;
  /** Folder of the stages. */
  readonly folder: string;
  readonly nowMs?: () => number;
}

const MOST_ROWS = 16;
const REDRAW_MS = 1000;

/** Shows how a sweep goes. */
export class SweepDisplay {
  readonly #options: SweepDisplayOptions;
  readonly #nowMs: () => number;
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SweepDisplayOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /** Draws anew each second until closed; without a terminal nothing. */
  start(stages: () => readonly StageManifest[]): void {
    if (!this.#options.isTerminal) return;
    this.#timer = setInterval(() => this.#draw(stages()), REDRAW_MS);
    this.#draw(stages());
  }

  changed(stages: readonly StageManifest[], changed: StageManifest, slot: number): void {
    if (this.#options.isTerminal) {
      this.#draw(stages);
      return;
    }
    const { state, label, attempts, error } = changed;
    const spent = state === 'running' ? `slot ${slot}` : durationText(secondsOf(changed, this.#nowMs()));
    const exit = state === 'failed' ? `, exit ${attempts.at(-1)?.exitCode}` : '';
    const why = error === undefined ? '' : `\n    ${error.replaceAll('\n', '\n    ')}`;
    this.#options.write(`${state.padEnd(7)} ${label} (${spent}${exit}); ${this.#summary(stages)}${why}\n`);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#drawn = 0;
  }

  #summary(stages: readonly StageManifest[]): string {
    const counts = countText(shownStates(stages));
    const left = secondsLeft(stages, (id) => this.#shareOf(id), this.#options.slots, this.#nowMs());
    return left === undefined || left === 0 ? counts : `${counts}; about ${durationText(left)} left`;
  }

  #shareOf(id: string): number | undefined {
    try {
      return shareDone(join(this.#options.folder, id));
    } catch {
      // A file that is being written; the next look finds it whole.
      return undefined;
    }
  }

  /** What runs, what failed, what comes next: the rest is in the counts. */
  #draw(stages: readonly StageManifest[]): void {
    const states = shownStates(stages);
    const order = ['running', 'failed', 'stopped', 'ready', 'waiting', 'held', 'done'];
    const shown = [...stages]
      .sort((a, b) => order.indexOf(states.get(a.id) as string) - order.indexOf(states.get(b.id) as string))
      .slice(0, MOST_ROWS);
    const { columns, rows } = sweepTable(shown, states, (id) => join(this.#options.folder, id), this.#nowMs());
    // Folders are for `sweep status`; here the name says which stage it is.
    const table = { columns: columns.slice(0, -1), rows: rows.map((row) => row.slice(0, -1)) };
    const more = stages.length > shown.length ? `\n... and ${stages.length - shown.length} more` : '';
    const text = `${fitTable(table, terminalWidth())}${more}\n${this.#summary(stages)}\n`;
    const back = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A\u001b[J`;
    this.#drawn = text.split('\n').length - 1;
    this.#options.write(`${back}${text}`);
  }
}
