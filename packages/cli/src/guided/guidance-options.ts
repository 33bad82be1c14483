import { type Command, Option } from 'commander';
import { integerOption, numberOption } from '../generation/number-option.ts';

/** How a critic guides decoding, as the command line says it. */
export interface GuidanceOptions {
  readonly critic?: string;
  readonly guidance?: 'none' | 'topk' | 'chunk';
  readonly guidanceK: number;
  readonly guidanceAlpha: number;
  readonly guidanceCandidates: number;
  readonly guidanceStep: number;
  readonly guidanceGamma: number;
}

/** Gives a command the options of `GuidanceOptions`. */
export function addGuidanceOptions(command: Command): Command {
  return command
    .option('--critic <folder>', 'trained critic that guides, or the run that trained it')
    .addOption(
      new Option('--guidance <method>', 'rescore the likeliest tokens, or choose among continuations').choices([
        'none',
        'topk',
        'chunk',
      ]),
    )
    .option('--guidance-k <k>', 'topk: tokens that are rescored', integerOption(1), 5)
    .option('--guidance-alpha <a>', "topk: weight of the critic's score", numberOption(-1e6, 1e6), 1)
    .option('--guidance-candidates <n>', 'chunk: continuations that are tried', integerOption(1), 4)
    .option('--guidance-step <n>', 'chunk: tokens of each', integerOption(1), 10)
    .option('--guidance-gamma <g>', 'chunk: discount of position scores', numberOption(0.01, 1), 0.95);
}
