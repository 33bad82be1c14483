import { join } from 'node:path';
import { measureSeed } from './measure/measure-seed.ts';
import type { MeasuringParts } from './measuring-parts.ts';
import type { PartStore } from './part-store.ts';
import { studyHeadlines, studyReport } from './report/study-report.ts';
import { writeStudyReport } from './report/write-study-report.ts';
import type { SeedMeasures } from './seed-measures.ts';
import type { StudyPlan } from './study-plan.ts';

/** Writes the report of what is measured of a study, as it grows. */
export class StudyReporter {
  readonly #dir: string;
  readonly #plan: StudyPlan;
  readonly #store: PartStore;
  readonly #command: string;
  readonly #measures = new Map<MeasuringParts, SeedMeasures>();

  constructor(dir: string, plan: StudyPlan, store: PartStore, command: string) {
    this.#dir = dir;
    this.#plan = plan;
    this.#store = store;
    this.#command = command;
  }

  /** The page. */
  get path(): string {
    return join(this.#dir, 'report.html');
  }

  /** `seed 11 tool, seed 11 open`: what the report is of. */
  get seeds(): string {
    return [...this.#measures.keys()].map(({ trained }) => `seed ${trained.seed} ${trained.setting}`).join(', ');
  }

  /** Whether more seeds or settings are measured than the last report has. */
  get isDue(): boolean {
    return this.#whole().length > this.#measures.size;
  }

  /** Writes the report, and returns what it says in short; undefined where nothing is measured whole. */
  async write(): Promise<string | undefined> {
    const { settings, parts } = this.#plan;
    for (const one of this.#whole()) {
      if (this.#measures.has(one)) continue;
      this.#measures.set(
        one,
        measureSeed(settings, one, (part) => this.#store.folderOf(part)),
      );
    }
    if (this.#measures.size === 0) return undefined;
    const report = studyReport({
      measures: [...this.#measures.values()],
      settings,
      parts: parts.flatMap((part) => this.#store.recordOf(part) ?? []),
      command: this.#command,
    });
    const files = await writeStudyReport(this.#dir, report);
    return `${studyHeadlines(report).join('\n')}\n\nreport: ${files.slice(-2).join(', ')}\n`;
  }

  #whole(): MeasuringParts[] {
    return this.#plan.measured.filter(({ all, trained }) =>
      [trained.base, ...trained.arms.values(), ...all].every((part) => this.#store.recordOf(part) !== undefined),
    );
  }
}
