const GRANULARITIES = ['sparse', 'step', 'interval', 'dense'] as const;
const VARIANTS: Readonly<Record<string, string>> = {
  segment: 'segment credit',
  token: 'token credit',
  relabel: 'relabelled',
  published: 'critic as published',
};

/** A policy by its name, for a reader. */
export function policyLabel(name: string): string {
  if (name === 'sft') return 'SFT';
  if (name === 'grpo') return 'GRPO (outcome reward)';
  const parts = armParts(name);
  if (parts === null) return name;
  return `R-AIRL ${parts.granularity}${parts.variant === null ? '' : `, ${parts.variant}`}`;
}

/** The same in as few letters as a chart has room for. */
export function shortLabel(name: string): string {
  const parts = armParts(name);
  if (parts === null) return name === 'sft' || name === 'grpo' ? name.toUpperCase() : name;
  return `${parts.granularity}${parts.variant === null ? '' : `, ${parts.variant}`}`;
}

/** A selector, a scorer or a localiser's signal, for a reader. */
export function signalLabel(name: string): string {
  const [kind, arm, ...rest] = name.split(' ');
  if (rest.length > 0 || arm === undefined) return SIGNAL_LABELS[name] ?? name;
  if (kind === 'critic') return `critic ${shortLabel(arm)}`;
  if (kind === 'critic-majority') return `vote weighted by critic ${shortLabel(arm)}`;
  return name;
}

const SIGNAL_LABELS: Readonly<Record<string, string>> = {
  mean: 'mean of the samples',
  majority: 'majority vote',
  length: 'shortest',
  'proof-reading': 'base’s own proof-reading',
  oracle: 'oracle (any right)',
  'always-first': 'always the first line',
};

/** Density and variant of an arm of R-AIRL, such as `irl-step-segment` or `irl-dense+estimator=rloo`; null for any other name. */
export function armParts(name: string): ArmParts | null {
  const [stem = '', ...choices] = name.split('+');
  const [method, granularity = '', ...rest] = stem.split('-');
  if (method !== 'irl' || !(GRANULARITIES as readonly string[]).includes(granularity)) return null;
  const variant = [...(rest.length === 0 ? [] : [rest.join('-')]), ...choices];
  return {
    granularity,
    variant: variant.length === 0 ? null : variant.map((one) => VARIANTS[one] ?? one).join(', '),
    of: variant.length === 0 ? null : choices.length > 0 ? stem : `irl-${granularity}`,
  };
}

interface ArmParts {
  readonly granularity: string;
  readonly variant: string | null;
  /** The arm that it differs from by its variant alone. */
  readonly of: string | null;
}

/** Whether a policy was trained by R-AIRL, with an estimator of one's own too. */
export function isIrl(name: string): boolean {
  return name.startsWith('irl-');
}

/** Whether its critic is the one that was first published: an arm to compare with. */
export function isPublished(name: string): boolean {
  return isIrl(name) && name.endsWith('-published');
}
