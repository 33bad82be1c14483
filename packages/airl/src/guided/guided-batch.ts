import type { CachedSequences, DecoderModel, GeneratedSample, Sequence } from '@dawngrad/models';
import type { Critic } from '../critic/critic.ts';

/** A sample that is being made. */
export interface GuidedSequence {
  readonly tokens: Sequence;
  readonly cost: { policyTokens: number; criticTokens: number };
  /** Once it is finished. */
  result: GeneratedSample | undefined;
}

/** Samples that are made together; sample i has the slots i * lanes ... (i + 1) * lanes - 1 of each cache. */
export interface GuidedBatch {
  readonly models: { readonly policy: DecoderModel; readonly critic: Critic };
  readonly caches: { readonly policy: CachedSequences; readonly critic: CachedSequences };
  readonly sequences: readonly GuidedSequence[];
}

/** Adds tokens to a sequence up to its end; returns how many it took. */
export function pushTokens(
  sequence: GuidedSequence,
  drawn: readonly { readonly id: number; readonly logp: number; readonly isForced: boolean }[],
  stopIds: ReadonlySet<number>,
): number {
  for (const [i, { id, logp, isForced }] of drawn.entries()) {
    const { finish } = sequence.tokens.push(id, logp, isForced, stopIds);
    if (finish === undefined) continue;
    sequence.result = sequence.tokens.finish(finish);
    return i + 1;
  }
  return drawn.length;
}

/** Samples that are finished, and tokens of all. */
export function progressOf({ sequences }: GuidedBatch): readonly [done: number, tokens: number] {
  return [
    sequences.filter(({ result }) => result !== undefined).length,
    sequences.reduce((sum, { tokens }) => sum + tokens.completionLength, 0),
  ];
}
