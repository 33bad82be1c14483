import { type DecoderModel, type GenerateOptions, type GenerateRequest, generate } from '@dawngrad/models';
import type { LengthLimits } from '../data/check-lengths.ts';

/** Steps that a generation without an environment takes between two readbacks; see `generate`. */
const BLOCK_STEPS = 8;
/** The device draws token 0 throughout, and nothing ends with it; this one is forced where a sample is to end. */
const END = 1;

/** What the generations of a run have in common. */
export interface DryRolloutOptions {
  readonly limits: LengthLimits;
  readonly temperature: number;
  /** Sequences at a time; undefined: as many as the memory that is free allows. */
  readonly slots: number | undefined;
}

/** The work of one sample, in operations. */
export interface RolloutCost {
  /** To take in its prompt, once for all samples of it. */
  readonly promptFlops: number;
  readonly tokenFlops: number;
}

/**
 * Begins a generation on a device that only counts: prompts are taken in with the cache in place, some tokens are
 * decoded, and then half of the sequences end, so that the cache is made smaller. Nothing that follows takes more.
 * Returns how many sequences are decoded together.
 */
export async function beginRollout(
  model: DecoderModel,
  prompts: number,
  samplesPerPrompt: number,
  options: DryRolloutOptions,
): Promise<number> {
  const { maxNewTokens } = generateOptions(options);
  const steps = Math.min(maxNewTokens, BLOCK_STEPS);
  let slots = 0;
  await generateSome(model, requests(prompts, samplesPerPrompt, options), options, {
    onProgress: (_, __, tokens) => {
      slots = tokens / steps;
      return true;
    },
  });
  // Once nothing waits, slots that fall free are given up by halves.
  const whole = Math.floor(slots / samplesPerPrompt);
  const rest = slots - whole * samplesPerPrompt;
  const atOnce = [...requests(whole, samplesPerPrompt, options), ...(rest === 0 ? [] : requests(1, rest, options))];
  let asked = 0;
  let blocks = 0;
  await generateSome(model, atOnce, options, {
    blockSteps: steps,
    environment: () => (asked++ < slots / 2 ? END : undefined),
    onProgress: () => ++blocks === 2,
  });
  return slots;
}

/** What a sample costs, from the first two tokens of one. */
export async function rolloutCost(model: DecoderModel, options: DryRolloutOptions): Promise<RolloutCost> {
  const { counters } = model.device;
  const seen = [counters.flops];
  await generateSome(model, requests(1, 1, options), options, {
    blockSteps: 1,
    onProgress: () => {
      seen.push(model.device.counters.flops);
      return seen.length === 3;
    },
  });
  const [start, first, second] = seen as [number, number, number?];
  // Where completions have one token there is no second, and all tokens count alike.
  const tokenFlops = second === undefined ? (first - start) / options.limits.maxPromptTokens : second - first;
  return { promptFlops: first - start - tokenFlops, tokenFlops };
}

function requests(count: number, samples: number, { limits }: DryRolloutOptions): GenerateRequest[] {
  const promptIds = new Uint32Array(limits.maxPromptTokens);
  return Array.from({ length: count }, () => ({ promptIds, samples, firstSampleId: 0 }));
}

function generateOptions({ limits, temperature, slots }: DryRolloutOptions): GenerateOptions {
  return {
    maxNewTokens: limits.maxCompletionTokens,
    settings: { temperature, topK: 0, topP: 1, minP: 0 },
    seed: 0,
    stream: 0,
    stopIds: [END],
    ...(slots === undefined ? {} : { slots }),
  };
}

/** Generates until `onProgress` returns true. */
async function generateSome(
  model: DecoderModel,
  wanted: readonly GenerateRequest[],
  options: DryRolloutOptions,
  {
    onProgress,
    ...more
  }: Pick<GenerateOptions, 'blockSteps' | 'environment'> & {
    readonly onProgress: (done: number, total: number, tokens: number) => boolean;
  },
): Promise<void> {
  let isEnough = false;
  await generate(model, wanted, {
    ...generateOptions(options),
    ...more,
    shouldStop: () => isEnough,
    onProgress: (done, total, tokens) => {
      isEnough ||= onProgress(done, total, tokens);
    },
  });
}
