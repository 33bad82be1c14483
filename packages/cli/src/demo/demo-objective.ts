import type { DemoSettings } from './demo-settings.ts';

/** What the stages optimise, a line each, printed before the first step. */
export function demoObjective({ pretrain, sft, rounds, irl, evaluation }: DemoSettings): string {
  const round = `${rounds.promptsPerRound} prompts x ${rounds.groupSize} samples, clip ${rounds.clip.low}, ${rounds.klBeta} x k3 divergence from the base`;
  const { granularity, intervalTokens, malformed } = irl.reward;
  const grid = granularity === 'interval' ? `interval of ${intervalTokens} tokens` : granularity;
  const bound = malformed === undefined ? '' : `, at most ${malformed} for a completion that is cut off or has none`;
  return [
    `base model: cross-entropy on generated documents, ${pretrain.maxSteps} steps of ${pretrain.rowsPerStep}`,
    `SFT: cross-entropy on the demonstrations, ${sft.maxSteps} steps of ${sft.rowsPerStep}, best dev checkpoint kept`,
    `GRPO: reward 1 for a right answer; ${rounds.maxSteps} rounds of ${round}`,
    `R-AIRL: reward of a critic learned from the demonstrations (${grid}), ${irl.credit.level} credit, no answer checked${bound}; ${rounds.maxSteps} rounds of ${round}`,
    `evaluation: ${evaluation.samplesPerPrompt} samples of each test problem at temperature ${evaluation.temperature}`,
  ].join('\n');
}
