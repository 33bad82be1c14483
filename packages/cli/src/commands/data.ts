import type { DatasetName } from '@dawngrad/airl';
import type { TrainedTurns } from '@dawngrad/models';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from './command-context.ts';

interface ShowOptions {
  readonly model: string;
  readonly data: string;
  readonly format?: DatasetName;
  readonly row: number;
  readonly turns: TrainedTurns;
  readonly json?: boolean;
}

/** `dawngrad data show`. */
export function addDataCommand(program: Command, { out }: CommandContext): void {
  const data = program.command('data').description('look at rows of data as a model reads them');
  data
    .command('show')
    .description('print a row token by token: the rendered prompt and completion, and which tokens are trained')
    .requiredOption('--model <folder>', 'model whose tokenizer and chat template to use; its weights are not read')
    .requiredOption('--data <file>', 'rows: of a data set, {messages}, or {prompt, completion}')
    .option('--format <name>', 'the data set, as data.format; default: by the fields of the rows')
    .option('--row <number>', 'which row, from 1', rowNumber, 1)
    .addOption(new Option('--turns <which>', 'trained turns of a conversation').choices(['all', 'last']).default('all'))
    .option('--json', 'print one JSON object: name, tokens with id, text, special and trained, and counts')
    .addHelpText(
      'after',
      `
Colours are for terminals: NO_COLOR=1 turns them off, FORCE_COLOR=1 on. Templates that print a date get a fixed one.

Examples:
  $ dawngrad data show --model models/instruct --data train.jsonl --row 3
  $ dawngrad data show --model models/instruct --data chats.jsonl --turns last --json`,
    )
    .action(async ({ model, data: path, format, row, turns, json }: ShowOptions) => {
      const [{ openCodecModel }, { readRow }, { rowText }, { datasetName }] = await Promise.all([
        import('../data/open-codec-model.ts'),
        import('../data/read-row.ts'),
        import('../data/row-text.ts'),
        import('../data/dataset-name.ts'),
      ]);
      const choice = { path, row, turns, ...(format === undefined ? {} : { format: datasetName(format) }) };
      const shown = await readRow(await openCodecModel(model), choice);
      if (json === true) {
        const trained = shown.tokens.filter((token) => token.trained).length;
        out(`${JSON.stringify({ ...shown, counts: { tokens: shown.tokens.length, trained } })}\n`);
      } else {
        out(rowText(shown, hasColour(process.env, process.stdout.isTTY === true)));
      }
    });
}

function rowNumber(text: string): number {
  const row = Number(text);
  if (Number.isSafeInteger(row) && row >= 1) return row;
  throw new InvalidArgumentError('a number from 1');
}

/** By the conventions of no-color.org and force-color.org. */
function hasColour({ NO_COLOR, FORCE_COLOR }: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  return FORCE_COLOR === undefined || FORCE_COLOR === '' ? isTerminal : FORCE_COLOR !== '0';
}
