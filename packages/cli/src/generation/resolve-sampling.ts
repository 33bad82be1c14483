import { type GenerationConfig, samplingDefaults } from '@dawngrad/models';
import type { SampleSettings } from '@dawngrad/tensor';
import type { SamplingOptions } from './generation-options.ts';

/** Everything that decides the draws. */
export interface ResolvedSampling {
  readonly settings: SampleSettings;
  readonly stops: readonly string[];
  /** Undefined where neither the command line nor the model says one. */
  readonly maxNewTokens: number | undefined;
}

/**
 * The command line's settings before those of the model's generation_config.json; where neither speaks, the
 * model's own distribution: temperature 1, all tokens. Throws ToolError 'config' for settings of the file that
 * would change the text and that generation has not, unless a temperature is given: then the file is passed over.
 */
export function resolveSampling(
  options: Omit<SamplingOptions, 'cacheDtype'>,
  config: GenerationConfig | undefined,
): ResolvedSampling {
  const isOwn = options.temperature !== undefined;
  const isRead = config !== undefined && !(isOwn && config.unsupported.length > 0);
  const defaults = (isRead ? samplingDefaults(config) : undefined) ?? {
    settings: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    repetitionPenalty: (isRead ? config.repetitionPenalty : undefined) ?? 1,
  };
  const { settings, repetitionPenalty } = defaults;
  return {
    settings: {
      ...settings,
      temperature: options.temperature ?? settings.temperature,
      topK: options.topK ?? settings.topK,
      topP: options.topP ?? settings.topP,
      minP: options.minP ?? settings.minP,
      repetitionPenalty: options.repetitionPenalty ?? repetitionPenalty,
    },
    stops: [...(config?.stopStrings ?? []), ...(options.stop ?? [])],
    maxNewTokens: options.maxNewTokens ?? config?.maxNewTokens,
  };
}
