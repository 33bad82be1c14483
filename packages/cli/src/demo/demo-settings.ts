import { type Recipe, recipe, tinyRecipe } from '../study/recipe.ts';

/** Everything that decides what the demo does. */
export interface DemoSettings extends Recipe {
  readonly seed: number;
  /** Sizes of the generated task. */
  readonly task: { readonly demonstrations: number; readonly dev: number; readonly test: number };
  readonly evaluation: {
    readonly samplesPerPrompt: number;
    readonly temperature: number;
    readonly sizes: readonly number[];
  };
}

/**
 * The study's recipe on a schedule for a laptop without a GPU: what is shorter is the base model's training
 * (2,000 of 2,600 steps) and the evaluation.
 */
export function fullDemo(seed: number): DemoSettings {
  return {
    seed,
    task: { demonstrations: 100, dev: 150, test: 200 },
    ...recipe(seed, { pretrainSteps: 2000, rounds: 50 }),
    evaluation: { samplesPerPrompt: 16, temperature: 1, sizes: [1, 4, 16] },
  };
}

/** The same stages at sizes that take seconds: for tests of the path, not of the results. */
export function tinyDemo(seed: number): DemoSettings {
  return {
    seed,
    task: { demonstrations: 12, dev: 8, test: 8 },
    ...tinyRecipe(seed),
    evaluation: { ...fullDemo(seed).evaluation, samplesPerPrompt: 4, sizes: [1, 4] },
  };
}
