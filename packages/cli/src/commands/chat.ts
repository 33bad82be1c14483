import type { Command } from 'commander';
import {
  addChatOptions,
  addModelOptions,
  addSamplingOptions,
  SAMPLING_NOTE,
} from '../generation/generation-options.ts';
import type { RunChatOptions } from '../generation/run-chat.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad chat`. */
export function addChatCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('chat')
    .description('talk with a model that has a chat template, a message a line; works in pipes too');
  addModelOptions(command);
  addSamplingOptions(command);
  addChatOptions(command)
    .addHelpText(
      'after',
      `
/exit ends, /reset forgets the conversation. Ctrl-C stops an answer; between answers it ends.
${SAMPLING_NOTE}

Example:
  $ dawngrad chat --model models/instruct --system "Answer in one sentence."
  $ echo "What is 6 times 7?" | dawngrad chat --model runs/grpo --temperature 0`,
    )
    .action(async (options: RunChatOptions) => {
      const { runChat } = await import('../generation/run-chat.ts');
      await runChat(options, context);
    });
}
