import type { CacheDType, WantedFormat } from '@dawngrad/models';
import { type Command, Option } from 'commander';
import { integerOption, numberOption } from './number-option.ts';

/** Which model, and how its weights are kept. */
export interface ModelOptions {
  readonly model: string;
  /** A LoRA adapter in PEFT's layout, made for the model. */
  readonly adapter?: string;
  readonly dtype: WantedFormat;
}

const DTYPES = ['stored', 'f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'nf4'] as const satisfies readonly WantedFormat[];

/** Gives a command the options of `ModelOptions`. */
export function addModelOptions(command: Command): Command {
  return command
    .requiredOption('--model <model>', "folder in Hugging Face layout, a run's folder, or owner/name on the hub")
    .option('--adapter <folder>', "LoRA adapter in PEFT's layout, made for the model")
    .addOption(
      new Option('--dtype <type>', 'how matrices are kept; stored: as in the file').choices(DTYPES).default('stored'),
    );
}

/** How completions are drawn, as the command line says it. */
export interface SamplingOptions {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly maxNewTokens?: number;
  readonly stop?: readonly string[];
  readonly cacheDtype: CacheDType;
  readonly seed: number;
}

const CACHE_DTYPES = ['f32', 'f16', 'bf16'] as const satisfies readonly CacheDType[];

/** Gives a command the options of `SamplingOptions`. */
export function addSamplingOptions(command: Command): Command {
  const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];
  return command
    .option('--temperature <t>', 'divides the logits; 0 takes the most likely token', numberOption(0))
    .option('--top-k <k>', 'draw from the k most likely tokens; 0 from all', integerOption(0))
    .option('--top-p <p>', 'draw from the most likely tokens of this mass', numberOption(1e-6, 1))
    .option('--min-p <p>', 'leave out tokens less likely than this share of the likeliest', numberOption(0, 1))
    .option('--repetition-penalty <r>', 'makes tokens that have occurred less likely, if over 1', numberOption(1e-6))
    .option('--max-new-tokens <n>', 'most tokens of a completion', integerOption(1))
    .addOption(new Option('--stop <text>', 'end before this text; may be given several times').argParser(collect))
    .addOption(
      new Option('--cache-dtype <type>', 'what keys and values of past tokens are kept in')
        .choices(CACHE_DTYPES)
        .default('f32'),
    )
    .option('--seed <n>', 'the same seed gives the same completions', integerOption(0), 0);
}

/** Gives a command `--system` and `--date`. */
export function addChatOptions(command: Command): Command {
  return command
    .option('--system <text>', 'system message of the chat')
    .option('--date <text>', 'the date, for chat templates that print it; default: the same every day');
}

/** What both `ModelOptions` and help say about where settings come from. */
export const SAMPLING_NOTE =
  "What is not given here comes from the model's generation_config.json; without one, temperature 1 and all tokens.";
