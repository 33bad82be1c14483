const GRANULARITIES = ['sparse', 'step', 'interval', 'dense'] as const;
const VARIANTS: Readonly<Record<string, string>> = {
  segment: 'segment credit',
  token: 'token credit',
  relabel: 'relabelled',
};

/** A policy by its name, for a reader. */
export function policyLabel(name: string): string {
  if (name === 'base') return 'base';
  if (name === 'sft') return 'SFT';
  if (name === 'grpo') return 'GRPO (outcome reward)';
  const { granularity, variant } = armParts(name) ?? {};
  if (granularity === undefined) return name;
  return `R-AIRL ${granularity}${variant === null || variant === undefined ? '' : `, ${VARIANTS[variant] ?? variant}`}`;
}

/** The same in as few letters as a chart has room for. */
export function shortLabel(name: string): string {
  const { granularity, variant } = armParts(name) ?? {};
  if (granularity === undefined) return name === 'sft' || name === 'grpo' ? name.toUpperCase() : name;
  return variant === null || variant === undefined ? granularity : `${granularity}, ${variant}`;
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

/** Density and variant of an arm of R-AIRL; null for any other name. */
export function armParts(name: string): { readonly granularity: string; readonly variant: string | null } | null {
  const [method, granularity = '', ...rest] = name.split('-');
  if (method !== 'irl' || !(GRANULARITIES as readonly string[]).includes(granularity)) return null;
  return { granularity, variant: rest.length === 0 ? null : rest.join('-') };
}

/** Whether a policy was trained by R-AIRL, with an estimator of one's own too. */
export function isIrl(name: string): boolean {
  return name.startsWith('irl-');
}
