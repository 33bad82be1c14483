import { CREDIT_LEVELS, criticChoiceFaults, isCreditValid, weightedFunctions } from '@dawngrad/airl';
import { EVALUATION_MODES, evaluationMode } from '../evaluation/evaluation-mode.ts';
import { objectiveOptions } from './objective-options.ts';
import type { Config, ConfigKind } from './schema.ts';

/** A mistake that lies in how fields stand to each other. */
export interface CrossFault {
  /** The fields involved; the first is the one named. */
  readonly keys: readonly [string, ...string[]];
  readonly message: string;
}

/** Checks what one field alone cannot tell. */
export function crossFaults<Kind extends ConfigKind>(kind: Kind, config: Config<Kind>): CrossFault[] {
  return CHECKS[kind](config);
}

const CHECKS: { readonly [Kind in ConfigKind]: (config: Config<Kind>) => CrossFault[] } = {
  sft: (config) => [...keepBestFaults(config), ...dtypeFaults('policy', config.policy)],
  grpo: (config) => [
    ...dtypeFaults('policy', config.policy),
    ...policyFaults(config),
    ...rewardFunctionFaults(config.reward, 1),
  ],
  irl: (config) => [
    ...dtypeFaults('policy', config.policy),
    ...dtypeFaults('critic', config.critic),
    ...policyFaults(config),
    ...rewardFunctionFaults(config.reward, 0),
    ...creditFaults(config),
    ...criticFaults(config),
    ...criticChoice(config),
    ...clipFaults(config),
  ],
  opsd: (config) => [...dtypeFaults('policy', config.policy), ...opsdClipFaults(config)],
  evaluate: (config) => [...clipFaults(config), ...evaluationFaults(config), ...guidanceFaults(config)],
};

function keepBestFaults({ train, data }: Config<'sft'>): CrossFault[] {
  if (!train.keep_best || data.dev_fraction > 0) return [];
  return [
    {
      keys: ['train.keep_best', 'data.dev_fraction'],
      message:
        'the best weights are chosen on dev rows, data.dev_fraction is 0. Raise it, or set train.keep_best=false.',
    },
  ];
}

function dtypeFaults(role: 'policy' | 'critic', { dtype, lora }: Config<'sft'>['policy']): CrossFault[] {
  if (lora.rank > 0 || dtype === 'stored' || dtype === 'f32') return [];
  return [
    {
      keys: [`${role}.dtype`, `${role}.lora.rank`],
      message: `all weights are trained (${role}.lora.rank=0), which needs f32, got "${dtype}". Set ${role}.lora.rank to train adapters.`,
    },
  ];
}

function policyFaults({ policy, credit, reward, data }: Config<'grpo'> | Config<'irl'>): CrossFault[] {
  const faults: CrossFault[] = [];
  if (policy.kl_beta > 0 && policy.kl_form === 'k1' && policy.kl_place === 'loss' && !policy.kl_unbiased) {
    faults.push({
      keys: ['policy.kl_form', 'policy.kl_place', 'policy.kl_unbiased'],
      message:
        'the gradient of k1 in the loss is 0 on average. Set policy.kl_unbiased=true, policy.kl_place=reward, or k2 or k3.',
    });
  }
  if (policy.kl_unbiased && policy.kl_place === 'reward') {
    faults.push({
      keys: ['policy.kl_unbiased', 'policy.kl_place'],
      message: 'is for the divergence in the loss; in the reward it has no gradient. Leave one of them out.',
    });
  }
  const high = policy.clip_high ?? policy.clip;
  if (policy.delta !== null && (policy.loss === 'cispo' || policy.loss === 'reinforce')) {
    faults.push({
      keys: ['policy.delta', 'policy.loss'],
      message: `expected policy.loss=clipped or gspo with it, got "${policy.loss}".`,
    });
  } else if (policy.delta !== null && policy.delta <= 1 + high) {
    faults.push({
      keys: ['policy.delta', 'policy.clip_high', 'policy.clip'],
      message: `expected more than 1 + clip_high = ${1 + high}, got ${policy.delta}.`,
    });
  }
  if (credit.estimator !== 'group' && credit.scale !== 'group') {
    faults.push({
      keys: ['credit.scale', 'credit.estimator'],
      message: `only credit.estimator=group has a choice of scale, got "${credit.estimator}". Leave credit.scale out.`,
    });
  }
  if (reward.overlong_buffer_tokens > data.max_completion_tokens) {
    faults.push({
      keys: ['reward.overlong_buffer_tokens', 'data.max_completion_tokens'],
      message: `expected at most data.max_completion_tokens=${data.max_completion_tokens}, got ${reward.overlong_buffer_tokens}.`,
    });
  }
  return faults;
}

/** Weights of functions and the older two say the same thing in different ways. */
function rewardFunctionFaults(
  { functions, outcome_weight, format_weight }: Config<'grpo'>['reward'],
  outcomePreset: number,
): CrossFault[] {
  const weighted = weightedFunctions(functions).map(([name, weight]) => `${name}=${weight}`);
  if (weighted.length === 0 || (outcome_weight === outcomePreset && format_weight === 0)) return [];
  return [
    {
      keys: ['reward.functions', 'reward.outcome_weight', 'reward.format_weight'],
      message: `weights by name (${weighted.join(', ')}) take the place of reward.outcome_weight and reward.format_weight. Leave those two out.`,
    },
  ];
}

function opsdClipFaults({ opsd: { clip } }: Config<'opsd'>): CrossFault[] {
  if (clip === null || clip[0] < clip[1]) return [];
  return [{ keys: ['opsd.clip'], message: `expected [low, high] with low below high, got [${clip.join(', ')}].` }];
}

function creditFaults({ reward, credit }: Config<'irl'>): CrossFault[] {
  const faults: CrossFault[] = [];
  if (!isCreditValid(reward.granularity, credit.level)) {
    const valid = CREDIT_LEVELS.filter((level) => isCreditValid(reward.granularity, level));
    faults.push({
      keys: ['credit.level', 'reward.granularity'],
      message: `with reward.granularity=${reward.granularity} expected ${valid.join(' or ')}, got "${credit.level}".`,
    });
  }
  if (credit.gamma !== null && credit.level !== 'token') {
    faults.push({
      keys: ['credit.gamma', 'credit.level'],
      message: `only token credit discounts, credit.level is ${credit.level}. Leave it out, or set credit.level=token.`,
    });
  }
  if (credit.local !== 'off' && (credit.level !== 'sequence' || reward.granularity === 'sparse')) {
    faults.push({
      keys: ['credit.local', 'credit.level', 'reward.granularity'],
      message: `it adds to credit.level=sequence what changes from segment to segment, got ${credit.level} credit of ${reward.granularity} rewards. Set credit.local=off.`,
    });
  }
  return faults;
}

function criticFaults({ critic, warmup, negatives, reward }: Config<'irl'>): CrossFault[] {
  const faults: CrossFault[] = [];
  const isStored = critic.model !== null || warmup.load_from !== null;
  if (critic.freeze && !isStored) {
    faults.push({
      keys: ['critic.freeze', 'critic.model', 'warmup.load_from'],
      message: 'a critic that is never trained has to be a trained one. Name it by critic.model or warmup.load_from.',
    });
  }
  if (critic.freeze_after_warmup && warmup.steps === 0 && !isStored) {
    faults.push({
      keys: ['critic.freeze_after_warmup', 'warmup.steps', 'critic.model', 'warmup.load_from'],
      message: 'the critic would never be trained. Set warmup.steps, or name a trained critic.model.',
    });
  }
  if (warmup.continue && (warmup.load_from === null || critic.freeze)) {
    const [key, why] = critic.freeze
      ? (['critic.freeze', 'critic.freeze=true has no warm-up to go on with'] as const)
      : (['warmup.load_from', 'there is no stored critic whose warm-up could go on'] as const);
    faults.push({ keys: ['warmup.continue', key], message: `${why}. Leave one of them out.` });
  }
  if ((critic.experts_per_update === null) !== (critic.policy_per_update === null)) {
    faults.push({
      keys: ['critic.experts_per_update', 'critic.policy_per_update'],
      message:
        'expected numbers for both of critic.experts_per_update and critic.policy_per_update, or null for both: then an update sees the whole round.',
    });
  }
  if (critic.control !== 'none' && critic.freeze) {
    faults.push({
      keys: ['critic.control', 'critic.freeze'],
      message: 'a control is a way to train the critic, critic.freeze=true does not. Leave one of them out.',
    });
  }
  if (critic.control === 'length_only' && (critic.kind === 'shaped' || reward.form === 'f-minus-logpi')) {
    faults.push({
      keys: ['critic.control', 'critic.kind', 'reward.form'],
      message: 'length_only is for plain critics and reward.form=f: log pi tells more of a completion than its length.',
    });
  }
  if (critic.loss === 'pairwise' && (negatives.stored_per_expert ?? 0) > 0) {
    faults.push({
      keys: ['negatives.stored_per_expert', 'critic.loss'],
      message:
        'critic.loss=pairwise compares an expert with samples of its prompt alone. Set it to 0, or leave it out.',
    });
  }
  if (negatives.per_expert > 0 && negatives.functions.length === 0) {
    faults.push({
      keys: ['negatives.functions', 'negatives.per_expert'],
      message: `expected at least one edit for negatives.per_expert=${negatives.per_expert}, got none. Or set negatives.per_expert=0.`,
    });
  }
  return faults;
}

/** What the package says of the critic, its loss and the reward that is made of it. */
function criticChoice({ critic, reward, credit, negatives, replay }: Config<'irl'>): CrossFault[] {
  const { form, shape_weight, logpi } = reward;
  const faults = criticChoiceFaults({
    kind: critic.kind,
    pooling: critic.pooling,
    loss: critic.loss,
    objective: objectiveOptions(critic),
    granularity: reward.granularity,
    reward: { form, logpi, ...(shape_weight === null ? {} : { shapeWeight: shape_weight }) },
    corruptedPerExpert: negatives.per_expert,
    replayRounds: replay.rounds,
    localSignal: credit.local === 'off' ? undefined : credit.local,
  });
  if (critic.shaping.clamp !== null && critic.kind !== 'shaped') {
    faults.push({
      keys: ['critic.shaping.clamp', 'critic.kind'],
      message: 'only critic.kind=shaped has a shaping, got "plain".',
    });
  }
  return faults;
}

function clipFaults({ reward }: Pick<Config<'evaluate'>, 'reward'>): CrossFault[] {
  if (reward.clip === null || reward.clip[0] < reward.clip[1]) return [];
  return [
    { keys: ['reward.clip'], message: `expected [low, high] with low below high, got [${reward.clip.join(', ')}].` },
  ];
}

function evaluationFaults({ eval: evaluation, data }: Config<'evaluate'>): CrossFault[] {
  const { samples_per_prompt, temperatures, mode } = evaluation;
  const { samples, needsAime } = EVALUATION_MODES[evaluationMode(mode)];
  const faults: CrossFault[] = [];
  // How many samples given completions have is known once they are read.
  for (const key of samples === 'sampled' ? (['ks', 'best_of'] as const) : []) {
    const tooLarge = (evaluation[key] ?? []).filter((k) => k > samples_per_prompt);
    if (tooLarge.length === 0) continue;
    faults.push({
      keys: [`eval.${key}`, 'eval.samples_per_prompt'],
      message: `expected at most eval.samples_per_prompt=${samples_per_prompt}, got ${tooLarge.join(', ')}.`,
    });
  }
  if (samples === 'given' && temperatures !== null) {
    faults.push({
      keys: ['eval.temperatures', 'eval.mode'],
      message: `eval.mode=${mode} samples nothing. Leave it out; sampling.temperature is that of the log-probabilities.`,
    });
  }
  if (samples === 'sampled') {
    for (const key of ['input', 'input_dir', 'input_candidates'] as const) {
      if (evaluation[key] === null) continue;
      faults.push({
        keys: [`eval.${key}`, 'eval.mode'],
        message: `eval.mode=${mode} samples its completions itself. Say eval.mode=pregenerated_policy_and_reward, or leave it out.`,
      });
    }
  }
  if (needsAime && !data.format.startsWith('aime')) {
    faults.push({
      keys: ['data.format', 'eval.mode'],
      message: `expected aime_2024, aime_2025 or aime_train with eval.mode=${mode}, got ${data.format}.`,
    });
  }
  return faults;
}

/** The modes of `eval.mode`, with their aliases, that sample. */
const SAMPLING_MODE = /^(?:generate|default|evaluate|generate_and_eval|aime|aime_generate|generate_aime)$/;

function guidanceFaults({ guidance, critic, eval: evaluation }: Config<'evaluate'>): CrossFault[] {
  if (guidance.method === 'none') return [];
  if (critic.model === null || evaluation.critic_scores === false) {
    return [
      {
        keys: ['guidance.method', 'critic.model', 'eval.critic_scores'],
        message: `"${guidance.method}" needs a critic that guides and scores. Set critic.model.`,
      },
    ];
  }
  if (SAMPLING_MODE.test(evaluation.mode)) return [];
  return [
    {
      keys: ['guidance.method', 'eval.mode'],
      message: `only sampled completions are guided, eval.mode is ${evaluation.mode}. Set eval.mode=generate.`,
    },
  ];
}
