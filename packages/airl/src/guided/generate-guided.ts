import {
  CachedSequences,
  CompletionText,
  type DecoderModel,
  type GeneratedSample,
  type GenerateOptions,
  type GenerateRequest,
  Sequence,
} from '@dawngrad/models';
import { scopeAsync, ToolError } from '@dawngrad/tensor';
import type { Critic } from '../critic/critic.ts';
import { guideByChunks } from './chunks.ts';
import { checkGuidance, type Guidance } from './guidance.ts';
import type { GuidedBatch } from './guided-batch.ts';
import { guideByTopK } from './top-k.ts';

export interface GuidedOptions
  extends Pick<
    GenerateOptions,
    | 'maxNewTokens'
    | 'settings'
    | 'seed'
    | 'stream'
    | 'stopIds'
    | 'text'
    | 'environment'
    | 'onProgress'
    | 'shouldStop'
    | 'slots'
  > {
  readonly guidance: Guidance;
  /** The prompt as the critic reads it, as long as the policy's. Default: the same. */
  readonly criticPromptIds?: (promptIds: Uint32Array) => Uint32Array;
}

/** Tokens that went through the models for the samples of a request; its prompt counts once in each. */
export interface GuidedCost {
  readonly policyTokens: number;
  readonly criticTokens: number;
}

export interface GuidedResult {
  /** As `generate` returns them: ordered by request, then sample. */
  readonly samples: readonly GeneratedSample[];
  /** One a request. */
  readonly costs: readonly GuidedCost[];
}

/**
 * Completes prompts under the guidance of a critic, whose keys and values are kept like the policy's. A
 * sample is a function of the weights, the seed and its row id: what else is made does not matter. With
 * topk and alpha 0 it is that of `generate` with `topK: k`, with chunk and one candidate that of
 * `generate`. Log-probabilities are those of the policy. Only finished samples are returned once
 * `shouldStop` says so. Throws ToolError 'config' for settings that do not fit, and for a shaped critic:
 * its score is one of segments.
 */
export async function generateGuided(
  policy: DecoderModel,
  critic: Critic,
  requests: readonly GenerateRequest[],
  options: GuidedOptions,
): Promise<GuidedResult> {
  check(policy, critic, requests, options);
  const { guidance } = options;
  const guide = guidance.method === 'topk' ? guideByTopK : guideByChunks;
  const lanes =
    guidance.method === 'topk'
      ? { policy: 1, critic: Math.min(guidance.k, policy.config.vocabSize) }
      : { policy: guidance.candidates, critic: guidance.candidates };
  const places = requests.flatMap(({ samples }, request) =>
    Array.from({ length: samples }, (_, sample) => ({ request, sample })),
  );
  const costs = requests.map(({ promptIds, samples }) => {
    const prompt = samples === 0 ? 0 : promptIds.length;
    return { policyTokens: prompt, criticTokens: prompt };
  });
  const samples: GeneratedSample[] = [];
  let tokens = 0;
  while (samples.length < places.length && options.shouldStop?.() !== true) {
    const waiting = places.slice(samples.length);
    const longest = Math.max(...waiting.map(({ request }) => requests[request]!.promptIds.length));
    const capacity = longest + options.maxNewTokens;
    const room = (model: DecoderModel, each: number): number =>
      Math.floor(CachedSequences.plan(model, waiting.length * each, capacity).slots / each);
    const count = Math.min(
      options.slots ?? waiting.length,
      room(policy, lanes.policy),
      room(critic.model, lanes.critic),
    );
    if (count < 1) {
      throw new ToolError('limit', {
        op: 'guided decoding',
        expected: `memory for the ${lanes.critic} continuations of one sample`,
        got: 'less',
        hint: 'lower guidance.k or guidance.n_candidates, or the new tokens.',
      });
    }
    const wave = waiting.slice(0, count);
    const finished = await scopeAsync(async () => {
      const batch = await startBatch({ policy, critic, requests, options, costs, capacity }, wave, lanes);
      const report = (done: number, made: number): void => {
        options.onProgress?.(samples.length + done, places.length, tokens + made);
      };
      await guide(batch, options, report);
      return batch.sequences;
    });
    const results = finished.flatMap((sequence) => sequence.result ?? []);
    tokens += results.reduce((sum, { ids }) => sum + ids.length, 0);
    samples.push(...results);
    if (results.length < wave.length) break;
  }
  return { samples, costs };
}

interface BatchSource {
  readonly policy: DecoderModel;
  readonly critic: Critic;
  readonly requests: readonly GenerateRequest[];
  readonly options: GuidedOptions;
  readonly costs: { policyTokens: number; criticTokens: number }[];
  readonly capacity: number;
}

/** Puts the prompts of some samples into the caches. */
async function startBatch(
  { policy, critic, requests, options, costs, capacity }: BatchSource,
  wave: readonly { readonly request: number; readonly sample: number }[],
  lanes: { readonly policy: number; readonly critic: number },
): Promise<GuidedBatch> {
  const { maxNewTokens, text, criticPromptIds = (ids: Uint32Array) => ids } = options;
  const used = [...new Set(wave.map(({ request }) => request))];
  const slots = (count: number): number[] =>
    wave.flatMap(({ request }) => new Array<number>(count).fill(used.indexOf(request)));
  const caches = {
    policy: new CachedSequences(policy, wave.length * lanes.policy, capacity),
    critic: new CachedSequences(critic.model, wave.length * lanes.critic, capacity),
  };
  const prompts = used.map((request) => requests[request]!.promptIds);
  // The last prompt token is the policy's first input: its logits are needed. The critic is asked of what follows.
  await caches.policy.start(
    prompts.map((ids) => ids.subarray(0, -1)),
    slots(lanes.policy),
  );
  await caches.critic.start(prompts.map(criticPromptIds), slots(lanes.critic));
  return {
    models: { policy, critic },
    caches,
    sequences: wave.map(({ request, sample }) => {
      const { promptIds, firstSampleId } = requests[request]!;
      return {
        tokens: new Sequence({
          request,
          sample,
          rowId: firstSampleId + sample,
          prompt: promptIds,
          maxNewTokens,
          text: text && new CompletionText(text.decoder(), text.stops ?? []),
        }),
        cost: costs[request]!,
        result: undefined,
      };
    }),
  };
}

function check(
  policy: DecoderModel,
  critic: Critic,
  requests: readonly GenerateRequest[],
  { guidance, settings, maxNewTokens }: GuidedOptions,
): void {
  checkGuidance(guidance);
  const refuse = (expected: string, got: string): never => {
    throw new ToolError('config', { op: 'guided decoding', expected, got });
  };
  if (critic.kind !== 'plain')
    refuse('a plain critic, which scores tokens', `a ${critic.kind} one, which scores segments`);
  if ((settings.repetitionPenalty ?? 1) !== 1) refuse('no repetition penalty', String(settings.repetitionPenalty));
  if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1) refuse('at least 1 new token', String(maxNewTokens));
  const positions = Math.min(policy.maxPositions, critic.model.maxPositions);
  requests.forEach(({ promptIds }, index) => {
    const { length } = promptIds;
    if (length >= 1 && length + maxNewTokens <= positions) return;
    refuse(`prompts of 1 to ${positions - maxNewTokens} tokens`, `${length} tokens in request ${index}`);
  });
}
