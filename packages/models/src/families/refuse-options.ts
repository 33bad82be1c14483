import { ToolError } from '@dawngrad/tensor';
import type { DecoderConfig } from '../config/decoder-config.ts';

type Option = 'attentionBias' | 'mlpBias' | 'qkNorm' | 'layerWindows';

/** Throws ToolError 'config' for a configuration with options that a file of its family cannot say. */
export function refuseOptions(config: DecoderConfig, options: readonly Option[]): void {
  const found = options.find((option) => config[option] !== undefined && config[option] !== false);
  if (found === undefined) return;
  throw new ToolError('config', {
    op: 'config.json',
    expected: `a ${config.modelType} without ${found}`,
    got: JSON.stringify(config[found]),
  });
}
