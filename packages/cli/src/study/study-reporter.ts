import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { measureSeed } from './measure/measure-seed.ts';
import type { MeasuringParts } from './measuring-parts.ts';
import type { PartStore } from './part-store.ts';
import { studyHeadlines, studyReport } from './report/study-report.ts';
import { writeStudyReport } from './report/write-study-report.ts';
import type { SeedMeasures } from './seed-measures.ts';
import { planStudy, type StudyPlan } from './study-plan.ts';
import type { StudySettings } from './study-settings.ts';

/** What is known of a seed in a setting: its measures, or why there are none. */
interface Known {
  readonly measures?: SeedMeasures;
  readonly damage?: string;
}

/** Writes the report of what is measured of a study, as it grows. */
export class StudyReporter {
  readonly #dir: string;
  readonly #settings: StudySettings;
  readonly #store: PartStore;
  readonly #command: string;
  /** By seed, setting and the arms that failed. */
  readonly #known = new Map<string, Known>();

  constructor(dir: string, settings: StudySettings, store: PartStore, command: string) {
    this.#dir = dir;
    this.#settings = settings;
    this.#store = store;
    this.#command = command;
  }

  /** The page. */
  get path(): string {
    return join(this.#dir, 'report.html');
  }

  /** Whether more seeds or settings are measured than the last report has. */
  get isDue(): boolean {
    return this.#whole(this.#plan()).some((one) => !this.#known.has(keyOf(one)));
  }

  /**
   * Seeds that are measured and cannot be in the report since a file of theirs is damaged, each with what to do; as of
   * the last time that it was written.
   */
  get damages(): readonly string[] {
    return this.#whole(this.#plan()).flatMap((one) => this.#known.get(keyOf(one))?.damage ?? []);
  }

  /** Writes the report; undefined where nothing is measured whole. */
  async write(): Promise<WrittenReport | undefined> {
    const plan = this.#plan();
    const whole = this.#whole(plan);
    for (const one of whole) if (!this.#known.has(keyOf(one))) this.#known.set(keyOf(one), this.#measure(one));
    const measures = whole.flatMap((one) => this.#known.get(keyOf(one))?.measures ?? []);
    if (measures.length === 0) return undefined;
    const report = studyReport({
      measures,
      settings: this.#settings,
      parts: plan.parts.flatMap((part) => this.#store.recordOf(part) ?? []),
      command: this.#command,
    });
    const files = await writeStudyReport(this.#dir, report);
    return {
      text: `${studyHeadlines(report).join('\n')}\n\nreport: ${files.slice(-2).join(', ')}\n`,
      seeds: measures.map(({ seed, setting }) => `seed ${seed} ${setting}`).join(', '),
    };
  }

  /** What there is to measure by now: without arms whose training failed. */
  #plan(): StudyPlan {
    return planStudy(this.#settings, (part) => this.#store.failureOf(part));
  }

  #whole({ measured }: StudyPlan): MeasuringParts[] {
    return measured.filter(({ all, trained }) =>
      [trained.base, ...trained.arms.values(), ...all].every((part) => this.#store.recordOf(part) !== undefined),
    );
  }

  #measure(one: MeasuringParts): Known {
    try {
      return { measures: measureSeed(this.#settings, one, (part) => this.#store.folderOf(part)) };
    } catch (error) {
      if (!(error instanceof ToolError && error.code === 'corrupt')) throw error;
      const { seed, setting } = one.trained;
      return { damage: `seed ${seed} ${setting} is not in the report: ${error.message}` };
    }
  }
}

interface WrittenReport {
  /** What it says in short, and its files. */
  readonly text: string;
  /** `seed 11 tool, seed 11 open`: what it is of. */
  readonly seeds: string;
}

function keyOf({ trained: { seed, setting, failed } }: MeasuringParts): string {
  return [seed, setting, ...failed.map(({ arm }) => arm)].join(' ');
}
