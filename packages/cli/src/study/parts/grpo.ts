import { type Setting, trainGrpo } from '@dawngrad/airl';
import type { StudyPart } from '../part.ts';
import { loadPolicy } from '../stored-models.ts';
import { recipeOf, type StudySettings } from '../study-settings.ts';
import { studyTask, taskHash } from '../study-task.ts';
import { MODEL_BYTES, tokenCost } from '../token-cost.ts';
import { trainInPart } from '../training.ts';
import { CHECKPOINT_ROUNDS, roundsOutcome, roundTokens } from './rounds.ts';

/** GRPO with the outcome as its reward: the reference that has a verifier. The last checkpoint is used. */
export function grpoPart(settings: StudySettings, base: StudyPart, setting: Setting): StudyPart {
  const { seed } = base;
  const { rounds } = recipeOf(settings, seed, setting);
  const task = studyTask(settings, seed, setting);
  const grpo = { ...rounds, scale: 'group' } as const;
  return {
    kind: 'grpo',
    version: 1,
    label: 'grpo',
    seed,
    setting,
    settings: { data: taskHash(task), grpo },
    inputs: { base },
    cost: tokenCost({ ...roundTokens(rounds), bytes: MODEL_BYTES + 1200 * rounds.maxSteps }),
    async run(work) {
      const policy = await loadPolicy(work.device, work.inputs.base!, { trainable: true });
      try {
        return roundsOutcome(
          await trainInPart(work, CHECKPOINT_ROUNDS, (context) => trainGrpo(policy, task, grpo, context)),
        );
      } finally {
        policy.dispose();
      }
    },
  };
}
