import type { RowCopy } from '@dawngrad/models';
import {
  add,
  affine,
  clamp,
  full,
  linearLogProbs,
  readAll,
  reshape,
  sample,
  scatter,
  scopeAsync,
  Tensor,
  topK,
} from '@dawngrad/tensor';
import type { GuidedOptions } from './generate-guided.ts';
import { type GuidedBatch, progressOf, pushTokens } from './guided-batch.ts';

/** The logit of a token that is not among the k: so low that no noise makes it the best, and still finite. */
const NEVER = -1e30;

/**
 * At each step the k most likely tokens go through the critic, and the policy draws among them with
 * logit + alpha * score. The chosen token's keys and values are then copied to the critic's other lanes.
 */
export async function guideByTopK(
  batch: GuidedBatch,
  options: GuidedOptions,
  onProgress: (done: number, tokens: number) => void,
): Promise<void> {
  const stopIds = new Set(options.stopIds);
  while (batch.sequences.some(({ result }) => result === undefined) && options.shouldStop?.() !== true) {
    await step(batch, options, stopIds);
    onProgress(...progressOf(batch));
  }
}

async function step(batch: GuidedBatch, options: GuidedOptions, stopIds: ReadonlySet<number>): Promise<void> {
  const { models, caches, sequences } = batch;
  const { device } = models.policy;
  const k = caches.critic.slots / sequences.length;
  const upload = (values: readonly number[], role: string): Tensor =>
    Tensor.from(device, Uint32Array.from(values), [values.length], 'u32', `airl/guided/${role}`);
  const isOpen = sequences.map(({ result }) => result === undefined);
  const lengths = sequences.map(({ tokens }, i) => (isOpen[i] ? tokens.length : 0));
  const laneLengths = (of: (i: number) => number): Uint32Array =>
    Uint32Array.from({ length: caches.critic.slots }, (_, slot) => of(Math.floor(slot / k)));

  const [ids, logps, candidates] = await scopeAsync(async () => {
    const last = upload(
      sequences.map(({ tokens }) => tokens.tokens[tokens.length - 1]!),
      'last',
    );
    const hidden = caches.policy.step(last, Uint32Array.from(lengths));
    const logits = models.policy.logits(hidden);
    const top = topK(logits, k);
    const lanes = caches.critic.step(
      reshape(top.indices, [caches.critic.slots]),
      laneLengths((i) => (isOpen[i] ? lengths[i]! + 1 : 0)),
    );
    const bonus = weighted(models.critic.readPlain(lanes), options);
    const guided = add(top.values, reshape(bonus, [sequences.length, k]));
    const masked = scatter(full(device, logits.shape, NEVER), 1, top.indices, guided);
    const { tokens } = sample(
      masked,
      upload(
        sequences.map((one) => one.tokens.rowId),
        'rows',
      ),
      upload(
        sequences.map((one) => one.tokens.completionLength),
        'steps',
      ),
      { ...options.settings, topK: k },
      { seed: options.seed, stream: options.stream },
    );
    const { temperature } = options.settings;
    // What training computes for the token, whatever the critic made of it.
    const { logp } = linearLogProbs(hidden, models.policy.outputWeight(), tokens, temperature === 0 ? 1 : temperature);
    return (await readAll([tokens, logp, top.indices])) as [Uint32Array, Float32Array, Uint32Array];
  });

  const copies: RowCopy[] = [];
  /** Tokens that the environment wrote and the critic has not seen, by sequence. */
  const unseen = new Map<number, number>();
  sequences.forEach((sequence, i) => {
    if (!isOpen[i]) return;
    const { tokens, cost } = sequence;
    cost.policyTokens += 1;
    cost.criticTokens += k;
    const forced = options.environment?.(tokens.tokens, tokens.length);
    const id = forced ?? ids[i]!;
    const position = tokens.length;
    pushTokens(sequence, [{ id, logp: forced === undefined ? logps[i]! : 0, isForced: forced !== undefined }], stopIds);
    if (sequence.result !== undefined) return;
    const lane = candidates.subarray(i * k, (i + 1) * k).indexOf(id);
    if (lane < 0) {
      unseen.set(i, id);
      cost.criticTokens += k;
      return;
    }
    for (let other = 0; other < k; other++) {
      if (other !== lane) copies.push({ from: i * k + lane, to: i * k + other, first: position, count: 1 });
    }
  });
  await scopeAsync(async () => {
    caches.critic.copyRows(copies);
    if (unseen.size === 0) return;
    const tokens = laneLengths((i) => unseen.get(i) ?? 0);
    caches.critic.step(
      upload(Array.from(tokens), 'unseen'),
      laneLengths((i) => (unseen.has(i) ? sequences[i]!.tokens.length : 0)),
    );
  });
}

/** alpha * clip(logit / temperature). */
function weighted(logits: Tensor, { guidance: { alpha, temperature, clip } }: GuidedOptions): Tensor {
  const scores = affine(logits, 1 / temperature, 0);
  return affine(clip === null ? scores : clamp(scores, clip[0], clip[1]), alpha, 0);
}
