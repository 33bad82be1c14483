import type { Direction } from './localisers.ts';

/** What a critic and a policy say about each of the T tokens of a trace. */
export interface TraceSignals {
  /** Critic scores, back-filled between its marks. */
  readonly critic: readonly number[];
  /** Log-probability of each token under the policy, nats. */
  readonly logp: readonly number[];
  /** Entropy of the distribution that each token was drawn from, nats. */
  readonly entropy: readonly number[];
}

export const SIGNAL_NAMES = ['critic', 'log-probability', 'entropy'] as const;
export type SignalName = (typeof SIGNAL_NAMES)[number];

interface Signal {
  readonly of: (signals: TraceSignals) => readonly number[];
  readonly direction: Direction;
  /** What the signal is before the first step: a critic is undecided there, and a policy certain. */
  readonly start: number;
}

/** The signals that point at errors, and how an error shows in them. */
export const SIGNALS: Readonly<Record<SignalName, Signal>> = {
  critic: { of: ({ critic }) => critic, direction: 'drop', start: 0 },
  'log-probability': { of: ({ logp }) => logp, direction: 'drop', start: 0 },
  entropy: { of: ({ entropy }) => entropy, direction: 'rise', start: 0 },
};
