import { ToolError } from '@dawngrad/tensor';
import type { LocalSignal } from '../credit/local-term.ts';
import type { RewardOptions } from '../credit/reward.ts';
import type { Granularity } from '../segment/marks.ts';
import type { CriticKind } from './critic.ts';
import type { ObjectiveOptions } from './objectives/objective.ts';
import { type CriticLossName, criticObjectives } from './objectives/table.ts';
import type { CriticPooling } from './pooling.ts';

/** What has to go together: the critic, its loss, its negatives, and the reward that is made of it. */
export interface CriticChoice {
  readonly kind: CriticKind;
  /** `last` unless said. */
  readonly pooling?: CriticPooling | undefined;
  readonly loss: CriticLossName;
  readonly objective?: Partial<ObjectiveOptions> | undefined;
  readonly granularity: Granularity;
  readonly reward: Pick<RewardOptions, 'form' | 'shapeWeight' | 'logpi'>;
  readonly corruptedPerExpert: number;
  readonly replayRounds: number;
  readonly localSignal?: LocalSignal | undefined;
}

/** A pair of settings that cannot go together. */
export interface ChoiceFault {
  /** Configuration keys; the first is the one to name. */
  readonly keys: readonly [string, ...string[]];
  readonly message: string;
}

/** What of a choice is not defined (r-airl.md, sections 3.2 and 3.3); none where all of it is. */
export function criticChoiceFaults(choice: CriticChoice): ChoiceFault[] {
  return [...lossFaults(choice), ...rewardFaults(choice)];
}

/** Throws ToolError 'config' with the first fault of a choice. */
export function checkCriticChoice(choice: CriticChoice): void {
  const [fault] = criticChoiceFaults(choice);
  if (fault === undefined) return;
  throw new ToolError('config', {
    op: fault.keys.join(', '),
    expected: 'settings that go together',
    got: fault.message,
  });
}

function lossFaults({
  kind,
  pooling = 'last',
  loss,
  objective = {},
  granularity,
  corruptedPerExpert,
  replayRounds,
}: CriticChoice): ChoiceFault[] {
  const faults: ChoiceFault[] = [];
  const { kinds, unit } = criticObjectives.get(loss);
  if (!kinds.includes(kind)) {
    faults.push({
      keys: ['critic.loss', 'critic.kind'],
      message: `the loss ${loss} is defined for a critic of kind ${kinds.join(' or ')}, got "${kind}".`,
    });
  }
  if (pooling === 'mean' && kind === 'shaped') {
    faults.push({
      keys: ['critic.pooling', 'critic.kind'],
      message:
        'the reward and the potentials of a shaped critic are those of single tokens. Set critic.kind=plain, or critic.pooling=last.',
    });
  }
  if (pooling === 'mean' && loss === 'wasserstein') {
    faults.push({
      keys: ['critic.pooling', 'critic.loss'],
      message:
        'the gradient penalty of critic.loss=wasserstein reads single tokens. Set critic.pooling=last, or another loss.',
    });
  }
  if (unit === 'sequence') {
    if (granularity !== 'sparse') {
      faults.push({
        keys: ['critic.loss', 'reward.granularity'],
        message: `the loss ${loss} compares whole traces: expected reward.granularity=sparse, got "${granularity}".`,
      });
    }
    if (corruptedPerExpert > 0) {
      faults.push({
        keys: ['critic.loss', 'negatives.per_expert'],
        message: `the loss ${loss} pairs experts with samples of the policy alone. Set negatives.per_expert=0.`,
      });
    }
    if (replayRounds > 0) {
      faults.push({
        keys: ['critic.loss', 'replay.rounds'],
        message: `the loss ${loss} pairs experts with samples of the current round alone. Set replay.rounds=0.`,
      });
    }
  }
  if (loss !== 'pairwise' && (objective.margin ?? 0) !== 0) {
    faults.push({
      keys: ['critic.pairwise.margin', 'critic.loss'],
      message: `only critic.loss=pairwise has a margin, got "${loss}".`,
    });
  }
  if (loss !== 'pairwise' && (objective.negativesPerPrompt ?? 0) !== 0) {
    faults.push({
      keys: ['critic.pairwise.negatives_per_prompt', 'critic.loss'],
      message: `only critic.loss=pairwise has pairs, got "${loss}".`,
    });
  }
  if (loss !== 'wasserstein' && objective.penaltyPairs !== undefined) {
    faults.push({
      keys: ['critic.penalty_pairs', 'critic.loss'],
      message: `only critic.loss=wasserstein has a gradient penalty, got "${loss}".`,
    });
  }
  return faults;
}

function rewardFaults({ kind, reward, localSignal }: CriticChoice): ChoiceFault[] {
  const { form = 'f', shapeWeight, logpi = 'sum' } = reward;
  const faults: ChoiceFault[] = [];
  if (form === 'g' && kind !== 'shaped') {
    faults.push({
      keys: ['reward.form', 'critic.kind'],
      message: 'g is the reward head of a shaped critic. Set critic.kind=shaped, or reward.form=f.',
    });
  }
  if (shapeWeight !== undefined && form !== 'g') {
    faults.push({
      keys: ['reward.shape_weight', 'reward.form'],
      message: `it weighs the shaping that is added to reward.form=g, got "${form}". Leave it out.`,
    });
  }
  if (logpi !== 'sum' && form !== 'f-minus-logpi') {
    faults.push({
      keys: ['reward.logpi', 'reward.form'],
      message: `only reward.form=f-minus-logpi has log-probabilities in it, got "${form}".`,
    });
  }
  if (localSignal === 'g' && kind !== 'shaped') {
    faults.push({
      keys: ['credit.local', 'critic.kind'],
      message: 'g is the reward head of a shaped critic. Set critic.kind=shaped, or another signal.',
    });
  }
  return faults;
}
