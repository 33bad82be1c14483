import type { ConfigKind } from '../config/schema.ts';
import type { PlannedConfig } from './planned-run.ts';

/** A change of a configuration that takes less memory. */
export interface Knob {
  readonly overrides: readonly string[];
  /** What else it changes. */
  readonly effect: string;
}

/** Changes that a configuration leaves room for, the ones that change no result first. */
export function knobsFor(planned: PlannedConfig, rowTokens: number): Knob[] {
  const { kind, config } = planned;
  const knobs: Knob[] = [];
  const add = (effect: string, ...overrides: string[]): number => knobs.push({ overrides, effect });
  const section: Record<ConfigKind, string> = {
    sft: 'train',
    grpo: 'train',
    irl: 'train',
    opsd: 'train',
    evaluate: 'eval',
  };
  const { micro_batch_tokens: tokens } = kind === 'evaluate' ? config.eval : config.train;
  const half = Math.max(rowTokens, Math.floor(tokens / 2));
  if (half < tokens) add('same results', `${section[kind]}.micro_batch_tokens=${half}`);
  if (kind !== 'evaluate' && !config.train.gradient_checkpointing) {
    add('same results', 'train.gradient_checkpointing=true');
  }
  const isFrozen = kind === 'evaluate' || config.policy.lora.rank > 0;
  if (isFrozen) {
    if (!['q8_0', 'q4_0', 'nf4'].includes(config.policy.dtype)) add('weights rounded to 8 bits', 'policy.dtype=q8_0');
    if (config.policy.dtype !== 'nf4' && config.policy.dtype !== 'q4_0') {
      add('weights rounded to 4 bits', 'policy.dtype=nf4');
    }
  } else add('trains adapters only', 'policy.lora.rank=16');
  if (kind === 'irl' && config.critic.lora.rank === 0) {
    add('trains adapters of the critic only', 'critic.lora.rank=16');
  }
  return knobs;
}

/** What a knob was measured to save, in bytes, and the work that it adds, as a share. */
interface Measured {
  readonly savedBytes: number;
  readonly extraWork: number;
}

/** The cheapest `most` knobs, of equals those that save most; the one that saves most of all is always among them. */
export function chooseKnobs<T extends Measured>(knobs: readonly T[], most: number): T[] {
  const work = ({ extraWork }: Measured): number => Math.round(20 * extraWork);
  const sorted = [...knobs].sort((a, b) => work(a) - work(b) || b.savedBytes - a.savedBytes);
  const shown = sorted.slice(0, most);
  const largest = sorted.reduce<T | undefined>(
    (best, knob) => (best === undefined || knob.savedBytes > best.savedBytes ? knob : best),
    undefined,
  );
  return largest === undefined || shown.includes(largest) ? shown : [...shown.slice(0, most - 1), largest];
}
