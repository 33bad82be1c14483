import type { Setting } from '@dawngrad/airl';
import { ToolError } from '@dawngrad/tensor';
import { ALL_ARMS, type Arm, DENSITY_ARMS, QUICK_ARMS, SFT } from './arm.ts';
import { type Recipe, recipe, tinyRecipe } from './recipe.ts';
import { baseName, variantArm } from './variant-arm.ts';

/**
 * Everything that decides what a study does, beside the recipe that every arm trains by. JSON, so that the study can
 * be told from what it leaves.
 */
export interface StudySettings {
  readonly size: StudySize;
  readonly seeds: readonly number[];
  readonly settings: readonly Setting[];
  /** Sizes of the generated task's sets of problems. */
  readonly task: { readonly demonstrations: number; readonly dev: number; readonly test: number };
  readonly pretrainSteps: number;
  /** Rounds of GRPO and R-AIRL. */
  readonly rounds: Readonly<Record<Setting, number>>;
  readonly arms: Readonly<Record<Setting, readonly Arm[]>>;
  readonly measure: MeasureSettings;
}

/** Full: the study. Quick: four of its arms, trained and measured as there but for longer chains. Tiny: every part in seconds; the results mean nothing. */
export type StudySize = 'full' | 'quick' | 'tiny';

/** How policies and critics are measured on the test problems. */
export interface MeasureSettings {
  readonly temperatures: readonly number[];
  readonly samplesPerProblem: number;
  /** Wrong samples of SFT that critics are to find the first error of; at most. */
  readonly naturalErrors: number;
  /** Traces of test problems with one number edited. */
  readonly plantedErrors: number;
  /** Rules of the longer problems, and how many problems of each. */
  readonly longerSteps: readonly number[];
  readonly longerProblems: number;
  readonly longerSamples: number;
}

/** Seeds that nobody looked at while the recipe was made. */
const FIRST_SEED = 11;

/** The seeds of `--seeds n`. */
export function firstSeeds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => FIRST_SEED + i);
}

/** What a command line chooses. */
export interface StudyChoice {
  readonly size: StudySize;
  readonly seeds: readonly number[];
  readonly settings: readonly Setting[];
  /** Names of arms, or of variants of them (`variantArm`); all arms unless given. SFT is always one of them. */
  readonly arms?: readonly string[];
  /** SHA-256 of the plugins, whose names variants of arms may have. */
  readonly plugins?: readonly string[];
}

const FULL: Pick<StudySettings, 'task' | 'pretrainSteps' | 'rounds' | 'arms' | 'measure'> = {
  task: { demonstrations: 100, dev: 150, test: 300 },
  pretrainSteps: 2600,
  rounds: { tool: 50, open: 60 },
  arms: { tool: ALL_ARMS, open: DENSITY_ARMS },
  measure: {
    temperatures: [1, 0.5],
    samplesPerProblem: 16,
    naturalErrors: 600,
    plantedErrors: 300,
    longerSteps: [5, 6],
    longerProblems: 150,
    longerSamples: 16,
  },
};

const QUICK: typeof FULL = {
  ...FULL,
  arms: { tool: QUICK_ARMS, open: QUICK_ARMS },
  measure: { ...FULL.measure, longerSteps: [] },
};

const TINY: typeof FULL = {
  task: { demonstrations: 12, dev: 8, test: 8 },
  pretrainSteps: 20,
  rounds: { tool: 2, open: 2 },
  arms: { tool: ALL_ARMS, open: DENSITY_ARMS },
  measure: {
    temperatures: [1, 0.5],
    samplesPerProblem: 4,
    naturalErrors: 8,
    plantedErrors: 8,
    longerSteps: [5],
    longerProblems: 4,
    longerSamples: 2,
  },
};

const SIZES: Readonly<Record<StudySize, typeof FULL>> = { full: FULL, quick: QUICK, tiny: TINY };

/** The settings of a study. Throws ToolError 'usage' for an arm that there is not. */
export function studySettings({ size, seeds, settings, arms, plugins = [] }: StudyChoice): StudySettings {
  const fixed = SIZES[size];
  const known = [...new Set(settings.flatMap((setting) => fixed.arms[setting].map(({ name }) => name)))];
  const unknown = arms?.find((arm) => !known.includes(baseName(arm)));
  if (unknown !== undefined) {
    throw new ToolError('usage', { op: '--arms', expected: `some of ${known.join(', ')}`, got: unknown });
  }
  const chosen = (all: readonly Arm[]): readonly Arm[] =>
    arms === undefined
      ? all
      : [
          ...all.filter(({ name }) => name === SFT.name || arms.includes(name)),
          ...all.flatMap((base) =>
            [...new Set(arms)]
              .filter((text) => text !== base.name && baseName(text) === base.name)
              .map((text) => variantArm(base, text, plugins)),
          ),
        ];
  return {
    size,
    seeds,
    settings,
    ...fixed,
    arms: { tool: chosen(fixed.arms.tool), open: chosen(fixed.arms.open) },
  };
}

/** How the arms of a seed in a setting train. Nothing is logged of single samples: those of the test problems are kept. */
export function recipeOf({ size, pretrainSteps, rounds }: StudySettings, seed: number, setting: Setting): Recipe {
  const chosen = size === 'tiny' ? tinyRecipe(seed) : recipe(seed, { pretrainSteps, rounds: rounds[setting] });
  return { ...chosen, rounds: { ...chosen.rounds, loggedPrompts: 0 } };
}
