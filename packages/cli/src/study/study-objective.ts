import type { StudyPlan } from './study-plan.ts';
import { recipeOf } from './study-settings.ts';

const SETTINGS = { tool: 'a tool writes the result of each look-up', open: 'the policy writes it itself' } as const;

/** What a study does, a line each; printed before its first part. */
export function studyObjective({ settings }: StudyPlan): string {
  const { seeds, task, arms, rounds } = settings;
  const { pretrain, sft, rounds: round, irl } = recipeOf(settings, seeds[0] as number, 'tool');
  return [
    `task: inverse-rule chains, ${task.demonstrations} demonstrations, ${task.test} test problems; seeds ${seeds.join(', ')}`,
    `base model: ${pretrain.maxSteps} steps of ${pretrain.rowsPerStep} documents; SFT: ${sft.maxSteps} steps of ${sft.rowsPerStep}, best dev checkpoint kept`,
    `GRPO (reward 1 for a right answer) and R-AIRL (critic of the demonstrations): rounds of ${round.promptsPerRound} prompts x ${round.groupSize} samples, ${round.klBeta} x k3 divergence from the base, the last checkpoint kept; critic warm-up ${irl.warmup.steps} updates; its reward is at most ${irl.reward.malformed} for a completion that is cut off or has no answer`,
    ...settings.settings.map(
      (setting) =>
        `setting ${setting} (${SETTINGS[setting]}), ${rounds[setting]} rounds: ${arms[setting].map(({ name }) => name).join(', ')}`,
    ),
  ].join('\n');
}
