import type { MarkChoice, RewardOptions } from '@dawngrad/airl';
import { criticScorer, logProbScorer, proofreadScorer } from '../measure/score-traces.ts';
import type { StudyPart } from '../part.ts';
import { loadCritic, loadPolicy } from '../stored-models.ts';
import { scorePart, type TraceSet } from './score-part.ts';

/** What the critic of an R-AIRL arm says about traces: the reward that it trained its policy with. */
export function judgePart(irl: StudyPart, reward: RewardOptions & MarkChoice, sets: readonly TraceSet[]): StudyPart {
  const work = {
    kind: 'judge',
    version: 3,
    label: `critic of ${irl.label}`,
    model: irl,
    settings: { reward },
    open: async (...[device, part]: Parameters<typeof loadCritic>) => {
      const critic = await loadCritic(device, part);
      return { score: criticScorer(critic, reward), dispose: () => critic.dispose() };
    },
  } as const;
  return scorePart(work, sets);
}

/** What the base model itself thinks of traces where it proof-reads them: an honest baseline without any critic. */
export function proofreadPart(base: StudyPart, sets: readonly TraceSet[]): StudyPart {
  return scorePart(
    { kind: 'proofread', version: 1, label: 'proof-reading', ...policyScorer(base, proofreadScorer) },
    sets,
  );
}

/** Log-probabilities of traces that a policy did not write. */
export function logProbsPart(policy: StudyPart, sets: readonly TraceSet[]): StudyPart {
  const label = `log-probabilities under ${policy.label}`;
  return scorePart({ kind: 'log-probs', version: 1, label, ...policyScorer(policy, logProbScorer) }, sets);
}

function policyScorer(
  model: StudyPart,
  scorerOf: typeof proofreadScorer,
): Pick<Parameters<typeof scorePart>[0], 'model' | 'settings' | 'open'> {
  return {
    model,
    settings: {},
    open: async (device, part) => {
      const policy = await loadPolicy(device, part);
      return { score: scorerOf(policy), dispose: () => policy.dispose() };
    },
  };
}
