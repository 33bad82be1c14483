import { Critic, type IrlOptions, type Setting, trainIrl } from '@dawngrad/airl';
import type { Arm } from '../arm.ts';
import type { StudyPart } from '../part.ts';
import { publishedCritic, type Recipe } from '../recipe.ts';
import { loadPolicy } from '../stored-models.ts';
import { recipeOf, type StudySettings } from '../study-settings.ts';
import { studyTask, taskHash } from '../study-task.ts';
import { MODEL_BYTES, SAMPLE_TOKENS, tokenCost } from '../token-cost.ts';
import { trainInPart } from '../training.ts';
import { CHECKPOINT_ROUNDS, roundsOutcome, roundTokens } from './rounds.ts';

/** R-AIRL from the base model: policy and critic, the last checkpoint of both. */
export function irlPart(settings: StudySettings, base: StudyPart, setting: Setting, arm: Arm): StudyPart {
  const { seed } = base;
  const recipe = armRecipe(recipeOf(settings, seed, setting), arm);
  const irl = irlOptions(recipe, arm);
  const { pooling } = recipe;
  const task = studyTask(settings, seed, setting);
  const { samples, forward, trained } = roundTokens(irl);
  const { critic, warmup, corruptedPerExpert } = irl;
  const experts = critic.expertsPerUpdate ?? 0;
  const rows = experts * (1 + corruptedPerExpert) + (critic.policyPerUpdate ?? 0);
  const updates = warmup.steps + irl.maxSteps * critic.updatesPerRound;
  return {
    kind: 'irl',
    version: 2,
    label: arm.name,
    seed,
    setting,
    settings: { data: taskHash(task), irl, pooling, ...(arm.plugins === undefined ? {} : { plugins: arm.plugins }) },
    inputs: { base },
    cost: tokenCost({
      // Each sample is scored too, and the critic's warm-up has samples of its own.
      forward: forward + samples + settings.task.demonstrations * warmup.samplesPerPrompt * SAMPLE_TOKENS,
      trained: trained + updates * rows * SAMPLE_TOKENS,
      bytes: 2 * MODEL_BYTES + 2400 * irl.maxSteps,
    }),
    async run(work) {
      const policy = await loadPolicy(work.device, work.inputs.base!, { trainable: true });
      let trainedCritic: Critic | undefined;
      try {
        const critic = await Critic.copyOf(policy, { pooling });
        trainedCritic = critic;
        return roundsOutcome(
          await trainInPart(work, CHECKPOINT_ROUNDS, (context) => trainIrl(policy, critic, task, irl, context)),
        );
      } finally {
        trainedCritic?.dispose();
        policy.dispose();
      }
    },
  };
}

function armRecipe(recipe: Recipe, { critic }: Arm): Recipe {
  return critic === 'published' ? publishedCritic(recipe) : recipe;
}

/** What an arm sets apart of the recipe. */
export function irlOptions(
  { rounds, irl }: Recipe,
  { granularity, credit, relabel, estimator, loss }: Arm,
): IrlOptions {
  const { intervalTokens, ...reward } = irl.reward;
  const marks = granularity ?? irl.reward.granularity;
  return {
    ...rounds,
    ...irl,
    reward: {
      ...reward,
      granularity: marks,
      ...(marks === 'interval' && intervalTokens !== undefined ? { intervalTokens } : {}),
    },
    critic: { ...irl.critic, ...(loss === undefined ? {} : { loss }) },
    credit: { ...irl.credit, level: credit ?? irl.credit.level, ...(estimator === undefined ? {} : { estimator }) },
    relabel: relabel ?? irl.relabel,
  };
}
