import { z } from 'zod';
import { grpoCreditSection, irlCreditSection } from './sections/credit-section.ts';
import { negativesSection, relabelSection, replaySection, warmupSection } from './sections/critic-examples-section.ts';
import { criticSection, evaluationCriticSection } from './sections/critic-section.ts';
import {
  evaluationDataSection,
  grpoDataSection,
  irlDataSection,
  opsdDataSection,
  sftDataSection,
} from './sections/data-section.ts';
import { evaluateEvalSection, trainEvalSection } from './sections/eval-section.ts';
import {
  evaluationPolicySection,
  opsdPolicySection,
  rlPolicySection,
  sftPolicySection,
} from './sections/policy-section.ts';
import { grpoRewardSection, irlRewardSection, rewardSection } from './sections/reward-section.ts';
import { runSection, trainingRunSection } from './sections/run-section.ts';
import {
  evaluationSamplingSection,
  grpoSamplingSection,
  guidanceSection,
  opsdSamplingSection,
  opsdSection,
  samplingSection,
} from './sections/sampling-section.ts';
import {
  grpoTrainSection,
  irlTrainSection,
  opsdTrainSection,
  optimSection,
  sftTrainSection,
} from './sections/train-section.ts';

const sft = z.strictObject({
  run: trainingRunSection('runs/sft'),
  data: sftDataSection(),
  policy: sftPolicySection(),
  optim: optimSection(),
  train: sftTrainSection(),
  eval: trainEvalSection(),
});

const grpo = z.strictObject({
  run: trainingRunSection('runs/grpo'),
  data: grpoDataSection(),
  policy: rlPolicySection(0),
  reward: grpoRewardSection(),
  credit: grpoCreditSection(),
  sampling: grpoSamplingSection(),
  optim: optimSection(),
  train: grpoTrainSection(),
  eval: trainEvalSection(),
});

const opsd = z.strictObject({
  run: trainingRunSection('runs/opsd'),
  data: opsdDataSection(),
  policy: opsdPolicySection(),
  opsd: opsdSection(),
  sampling: opsdSamplingSection(),
  optim: optimSection(),
  train: opsdTrainSection(),
  eval: trainEvalSection(),
});

const irl = z.strictObject({
  run: trainingRunSection('runs/irl'),
  data: irlDataSection(),
  policy: rlPolicySection(0.1),
  critic: criticSection(),
  reward: irlRewardSection(),
  credit: irlCreditSection(),
  negatives: negativesSection(),
  relabel: relabelSection(),
  replay: replaySection(),
  warmup: warmupSection(),
  sampling: samplingSection(),
  optim: optimSection(),
  train: irlTrainSection(),
  eval: trainEvalSection(),
});

const evaluate = z.strictObject({
  run: runSection('runs/evaluate'),
  data: evaluationDataSection(),
  policy: evaluationPolicySection(),
  critic: evaluationCriticSection(),
  reward: rewardSection(),
  sampling: evaluationSamplingSection(),
  guidance: guidanceSection(),
  eval: evaluateEvalSection(),
});

/** The configuration of each verb that takes one. */
export const SCHEMAS = { sft, grpo, irl, opsd, evaluate } as const;

export type ConfigKind = keyof typeof SCHEMAS;

/** A configuration with every field set. */
export type Config<Kind extends ConfigKind = ConfigKind> = z.output<(typeof SCHEMAS)[Kind]>;

export const CONFIG_KINDS = Object.keys(SCHEMAS) as ConfigKind[];

/** How a kind is called in messages. */
export function kindTitle(kind: ConfigKind): string {
  return kind === 'evaluate' ? 'evaluate' : `train ${kind}`;
}
