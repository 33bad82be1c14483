import { configValue, type RunKind } from '../read-run/run-folder.ts';

/** Where an answer checker took part in a run, told from its configuration; null where that does not tell. */
export function checkerUse(kind: RunKind, config: Readonly<Record<string, unknown>>): readonly string[] | null {
  if (kind === 'other') return null;
  if (kind === 'demo') return DEMO;
  const value = (key: string): unknown => configValue(config, key);
  const isOn = (key: string): boolean => Number(value(key) ?? 0) !== 0;
  const hasDev = isOn('data.dev_fraction') || typeof value('eval.data') === 'string';
  const selection =
    value('train.keep_best') === true
      ? ['the weights that the run ends with were the best on dev rows']
      : value('train.save_best') === true && hasDev
        ? ['the checkpoint "best" is chosen by it on dev rows']
        : [];
  if (kind === 'evaluate') return ['it gives the verdicts of the evaluation, and nothing else'];
  if (kind === 'train sft' || kind === 'train opsd') return selection;
  const reward = isOn('reward.outcome_weight') || isOn('reward.functions.correctness') ? ['the reward'] : [];
  if (kind === 'train grpo')
    return [...(reward.length > 0 ? reward : ['the reward, where its functions ask for it']), ...selection];
  const mode = value('relabel.mode');
  const labels = typeof mode === 'string' && mode !== 'off' ? [`labels (${mode})`] : [];
  return [...labels, ...reward, ...selection];
}

const DEMO = [
  'the reward of GRPO, which is the reference with a verifier',
  'the choice of SFT’s checkpoint on dev problems',
  'nothing of R-AIRL',
];
