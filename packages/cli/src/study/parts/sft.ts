import { type Setting, trainSft } from '@dawngrad/airl';
import type { StudyPart } from '../part.ts';
import { loadPolicy } from '../stored-models.ts';
import { recipeOf, type StudySettings } from '../study-settings.ts';
import { studyTask, taskHash } from '../study-task.ts';
import { MODEL_BYTES, SAMPLE_TOKENS, tokenCost } from '../token-cost.ts';
import { trainInPart } from '../training.ts';

/** SFT on the demonstrations; the checkpoint that is best on dev problems is kept, which favours it. */
export function sftPart(settings: StudySettings, base: StudyPart, setting: Setting): StudyPart {
  const { seed } = base;
  const { sft } = recipeOf(settings, seed, setting);
  const task = studyTask(settings, seed, setting);
  const evaluations = sft.dev === undefined ? 0 : 1 + Math.ceil(sft.maxSteps / sft.dev.everySteps);
  return {
    kind: 'sft',
    version: 1,
    label: 'sft',
    seed,
    setting,
    settings: { data: taskHash(task), sft },
    inputs: { base },
    cost: tokenCost({
      forward: evaluations * (sft.dev?.prompts ?? 0) * (sft.dev?.samplesPerPrompt ?? 0) * SAMPLE_TOKENS,
      trained: sft.maxSteps * sft.rowsPerStep * SAMPLE_TOKENS,
      bytes: MODEL_BYTES + 500 * sft.maxSteps,
    }),
    async run(work) {
      const policy = await loadPolicy(work.device, work.inputs.base!, { trainable: true });
      try {
        const rows = await trainInPart(work, sft.maxSteps, (context) => trainSft(policy, task, sft, context));
        if (rows === undefined) return { status: 'stopped' };
        const dev = rows.flatMap((row) => row['eval/accuracy'] ?? []);
        const best = Math.max(...dev);
        return {
          status: 'finished',
          result: { 'best dev accuracy': best },
          headline: `dev accuracy ${best.toFixed(3)}, the best of ${dev.length}`,
        };
      } finally {
        policy.dispose();
      }
    },
  };
}
