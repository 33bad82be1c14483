import type { RowCopy } from '@dawngrad/models';
import { readAll, sample, scope, scopeAsync, Tensor } from '@dawngrad/tensor';
import type { GuidedOptions } from './generate-guided.ts';
import { discountedMean, guidanceScore } from './guidance.ts';
import { type GuidedBatch, progressOf, pushTokens } from './guided-batch.ts';

interface Drawn {
  readonly id: number;
  readonly logp: number;
  readonly isForced: boolean;
}

/**
 * Again and again each sample is gone on with in several ways for some tokens, the critic reads them, and
 * the way with the best discounted mean of all position scores so far is kept, the first on ties. To a critic of
 * pooling `mean` the tokens of a try are a segment: each has the score of the mean of their logits. The keys and
 * values of the way that is kept are copied to the other lanes of both caches.
 */
export async function guideByChunks(
  batch: GuidedBatch,
  options: GuidedOptions,
  onProgress: (done: number, tokens: number) => void,
): Promise<void> {
  const stopIds = new Set(options.stopIds);
  /** Scores of the tokens that were kept, by sample. */
  const kept = batch.sequences.map((): number[] => []);
  while (batch.sequences.some(({ result }) => result === undefined) && options.shouldStop?.() !== true) {
    const candidates = await drawCandidates(batch, options, stopIds);
    const scores = await scoreCandidates(batch, candidates, options);
    await scopeAsync(async () => keepBest(batch, candidates, scores, kept, options, stopIds));
    onProgress(...progressOf(batch));
  }
}

/** What each lane draws next, up to a stop token or the last token that there may be; nothing for finished samples. */
async function drawCandidates(
  { models, caches, sequences }: GuidedBatch,
  { guidance: { candidates: lanes, stepSize }, settings, seed, stream, environment }: GuidedOptions,
  stopIds: ReadonlySet<number>,
): Promise<Drawn[][]> {
  const { slots } = caches.policy;
  const sequenceOf = (slot: number) => sequences[Math.floor(slot / lanes)]!;
  const upload = (of: (slot: number) => number, role: string): Tensor =>
    Tensor.from(
      models.policy.device,
      Uint32Array.from({ length: slots }, (_, slot) => of(slot)),
      [slots],
      'u32',
      `airl/guided/${role}`,
    );
  const found = Array.from({ length: slots }, (): Drawn[] => []);
  /** Prompt and completion of each lane, for the environment. */
  const texts = sequences.flatMap(({ tokens }) =>
    Array.from({ length: lanes }, () => (environment === undefined ? undefined : tokens.tokens.slice())),
  );
  const isOpen = (slot: number, step: number): boolean => {
    const { tokens, result } = sequenceOf(slot);
    return result === undefined && step < tokens.remaining;
  };
  const take = (slot: number, step: number, id: number, logp: number): number => {
    if (!isOpen(slot, step)) return id;
    const text = texts[slot];
    const place = sequenceOf(slot).tokens.length + step;
    const forced = text && environment?.(text, place);
    const chosen = forced ?? id;
    if (text !== undefined) text[place] = chosen;
    const drawn = found[slot]!;
    // What comes behind a stop token is thrown away.
    if (!stopIds.has(drawn.at(-1)?.id ?? -1)) {
      drawn.push({ id: chosen, logp: forced === undefined ? logp : 0, isForced: forced !== undefined });
    }
    return chosen;
  };
  await scopeAsync(async () => {
    const rows = upload((slot) => sequenceOf(slot).tokens.rowId * lanes + (slot % lanes), 'rows');
    let ids = upload((slot) => {
      const { tokens } = sequenceOf(slot).tokens;
      return tokens[sequenceOf(slot).tokens.length - 1]!;
    }, 'last');
    const waiting: Tensor[] = [];
    const longest = Math.max(...sequences.map(({ tokens, result }) => (result === undefined ? tokens.remaining : 0)));
    const steps = Math.min(stepSize, longest);
    for (let step = 0; step < steps; step++) {
      const { tokens, logps } = scope(() => {
        const lengths = Uint32Array.from({ length: slots }, (_, slot) =>
          isOpen(slot, step) ? sequenceOf(slot).tokens.length + step : 0,
        );
        const logits = models.policy.logits(caches.policy.step(ids, lengths));
        const places = upload((slot) => sequenceOf(slot).tokens.completionLength + step, 'steps');
        return sample(logits, rows, places, settings, { seed, stream });
      });
      ids = tokens;
      if (environment === undefined) waiting.push(tokens, logps);
      else {
        const [drawn, values] = (await readAll([tokens, logps])) as [Uint32Array, Float32Array];
        const chosen = Array.from(drawn, (id, slot) => take(slot, step, id, values[slot]!));
        ids = upload((slot) => chosen[slot]!, 'chosen');
      }
    }
    if (waiting.length === 0) return;
    const values = await readAll(waiting);
    for (let step = 0; step < steps; step++) {
      const [drawn, logps] = [values[2 * step] as Uint32Array, values[2 * step + 1] as Float32Array];
      for (let slot = 0; slot < slots; slot++) take(slot, step, drawn[slot]!, logps[slot]!);
    }
  });
  sequences.forEach(({ cost, tokens, result }) => {
    if (result === undefined) cost.policyTokens += lanes * Math.min(stepSize, tokens.remaining);
  });
  return found;
}

/** The critic's score of each token of each candidate. */
async function scoreCandidates(
  { models, caches, sequences }: GuidedBatch,
  candidates: readonly (readonly Drawn[])[],
  { guidance }: GuidedOptions,
): Promise<number[][]> {
  const { device } = models.critic.model;
  const longest = Math.max(...candidates.map(({ length }) => length));
  const lanes = guidance.candidates;
  const lengthOf = (slot: number): number => sequences[Math.floor(slot / lanes)]!.tokens.length;
  candidates.forEach((drawn, slot) => {
    sequences[Math.floor(slot / lanes)]!.cost.criticTokens += drawn.length;
  });
  return scopeAsync(async () => {
    const logits: Tensor[] = [];
    for (let step = 0; step < longest; step++) {
      logits.push(
        scope(() => {
          const ids = Uint32Array.from(candidates, (drawn) => drawn[step]?.id ?? 0);
          const tokens = Tensor.from(device, ids, [ids.length], 'u32', 'airl/guided/candidates');
          const lengths = Uint32Array.from(candidates, (drawn, slot) =>
            step < drawn.length ? lengthOf(slot) + step + 1 : 0,
          );
          return models.critic.readPlain(caches.critic.step(tokens, lengths));
        }),
      );
    }
    const values = (await readAll(logits)) as Float32Array[];
    return candidates.map((drawn, slot) => {
      const own = drawn.map((_, step) => values[step]![slot]!);
      const pooled = models.critic.pooling === 'mean' ? own.fill(mean(own)) : own;
      return pooled.map((logit) => guidanceScore(logit, guidance));
    });
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function keepBest(
  { caches, sequences }: GuidedBatch,
  candidates: readonly (readonly Drawn[])[],
  scores: readonly (readonly number[])[],
  kept: number[][],
  { guidance: { candidates: lanes, gamma } }: GuidedOptions,
  stopIds: ReadonlySet<number>,
): void {
  const copies: { policy: RowCopy[]; critic: RowCopy[] } = { policy: [], critic: [] };
  sequences.forEach((sequence, i) => {
    if (sequence.result !== undefined) return;
    const scoreOf = (lane: number): number => {
      const value = discountedMean([...kept[i]!, ...scores[i * lanes + lane]!], gamma);
      // A score that is no number never wins (D29).
      return Number.isFinite(value) ? value : Number.NEGATIVE_INFINITY;
    };
    let best = 0;
    for (let lane = 1; lane < lanes; lane++) if (scoreOf(lane) > scoreOf(best)) best = lane;
    const slot = i * lanes + best;
    const first = sequence.tokens.length;
    const count = pushTokens(sequence, candidates[slot]!, stopIds);
    kept[i]!.push(...scores[slot]!.slice(0, count));
    if (sequence.result !== undefined) return;
    for (let lane = 0; lane < lanes; lane++) {
      if (lane === best) continue;
      const copy = { from: slot, to: i * lanes + lane, first };
      // The policy has not read the last token yet.
      if (count > 1) copies.policy.push({ ...copy, count: count - 1 });
      copies.critic.push({ ...copy, count });
    }
  });
  caches.policy.copyRows(copies.policy);
  caches.critic.copyRows(copies.critic);
}
