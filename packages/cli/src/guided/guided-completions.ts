import { type Critic, type GuidedCost, type GuidedOptions, generateGuided } from '@dawngrad/airl';
import type { DecoderModel, GeneratedSample, GenerateOptions, GenerateRequest } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { Config } from '../config/schema.ts';

/** The `guidance` section of a configuration, without `none`. */
type GuidanceConfig = Config<'evaluate'>['guidance'];

export interface GuidedModels {
  readonly policy: DecoderModel;
  readonly critic: Critic | undefined;
  /** The prompt as the critic reads it. */
  readonly criticPromptIds: (promptIds: Uint32Array) => Uint32Array;
}

/**
 * Completions under the guidance that the configuration asks for, in the form of `generate`.
 *
 * @param onCost called for each request with the tokens that its samples took
 */
export async function guidedCompletions(
  { policy, critic, criticPromptIds }: GuidedModels,
  requests: readonly GenerateRequest[],
  options: Omit<GenerateOptions, 'environment'>,
  {
    guidance,
    reward,
  }: Pick<Config<'evaluate'>, 'guidance'> & {
    readonly reward: Pick<Config<'evaluate'>['reward'], 'temperature' | 'clip'>;
  },
  onCost: (request: number, cost: GuidedCost) => void,
): Promise<GeneratedSample[]> {
  if (critic === undefined) {
    throw new ToolError('config', { op: 'guidance.method', expected: 'a critic that guides', got: 'none' });
  }
  const guided: GuidedOptions = { ...options, criticPromptIds, guidance: guidanceOf(guidance, reward) };
  const { samples, costs } = await generateGuided(policy, critic, requests, guided);
  costs.forEach((cost, request) => {
    onCost(request, cost);
  });
  return [...samples];
}

function guidanceOf(
  { method, k, alpha, n_candidates, step_size, gamma }: GuidanceConfig,
  { temperature, clip }: { readonly temperature: number; readonly clip: readonly [number, number] | null },
): GuidedOptions['guidance'] {
  return {
    method: method === 'chunk' ? 'chunk' : 'topk',
    k,
    alpha,
    candidates: n_candidates,
    stepSize: step_size,
    gamma,
    temperature,
    clip,
  };
}
