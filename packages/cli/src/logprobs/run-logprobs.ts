import type { OpenModel } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { AtomicLineFile } from '../generation/atomic-line-file.ts';
import { shortFloat32 } from '../generation/float32-json.ts';
import type { ModelOptions } from '../generation/generation-options.ts';
import { openGenerationSource, stoppable, withModel } from '../generation/model-session.ts';
import {
  fieldFault,
  idsOf,
  idsPrompt,
  jsonRows,
  type PromptOptions,
  type PromptRow,
  textPrompt,
} from '../generation/prompt-rows.ts';
import { TEMPLATE_DATE } from '../run/model-codec.ts';
import { groupByTokens, scoreRows } from './score-rows.ts';

export interface RunLogprobsOptions extends ModelOptions {
  readonly input: string;
  readonly output?: string;
  readonly chat?: boolean;
  readonly system?: string;
  readonly date?: string;
  readonly temperature: number;
  readonly batchTokens: number;
}

interface ScoreRow extends PromptRow {
  /** Ids of the prompt; undefined for a row of ids. */
  readonly promptLength: number | undefined;
}

/** `dawngrad logprobs`: a row of numbers for each row of text or ids. */
export async function runLogprobs(options: RunLogprobsOptions, context: CommandContext): Promise<void> {
  const source = await openGenerationSource(options, context);
  const rows = readRows(source, options);
  using file = options.output === undefined ? undefined : new AtomicLineFile(options.output);
  const maxPositions = rows.reduce((longest, { ids }) => Math.max(longest, ids.length), 1);
  await stoppable(context, (stop) =>
    withModel(source, { dtype: options.dtype, maxPositions }, context, async ({ model, progress }) => {
      let done = 0;
      let tokens = 0;
      const startMs = performance.now();
      for (const group of groupByTokens(rows, options.batchTokens)) {
        if (stop.isRequested) break;
        const ids = group.map((row) => row.ids);
        const scored = await scoreRows(model, ids, options.temperature, shortFloat32);
        scored.forEach((score, i) => {
          const { promptLength } = group[i]!;
          const row = promptLength === undefined ? score : { ...score, prompt_length: promptLength };
          if (file !== undefined) file.append(row);
          else context.out(`${JSON.stringify(row)}\n`);
        });
        done += group.length;
        tokens += ids.reduce((sum, { length }) => sum + length, 0);
        const rate = tokens / ((performance.now() - startMs) / 1000);
        if (file !== undefined) progress.step('score', done, rows.length, { 'perf/tokens_per_second': rate });
      }
      progress.close();
      if (done === rows.length) file?.commit();
      else if (file !== undefined) context.err(`stopped: ${options.output} is not written\n`);
    }),
  );
}

function readRows(
  source: OpenModel,
  { input, chat = false, system, date = TEMPLATE_DATE }: RunLogprobsOptions,
): ScoreRow[] {
  const how: PromptOptions = { chat, system, date };
  const { maxPositionEmbeddings } = source.config;
  return Array.from(jsonRows(input), ({ row, op }) => {
    const found = row.ids === undefined ? textRow(source, row, op, how) : idsRow(source, row.ids, op);
    if (found.ids.length <= maxPositionEmbeddings) return found;
    throw new ToolError('config', {
      op,
      expected: `at most the model's ${maxPositionEmbeddings} tokens of context`,
      got: `${found.ids.length} tokens`,
    });
  });
}

function idsRow(source: OpenModel, ids: unknown, op: string): ScoreRow {
  return { ...idsPrompt(source, idsOf(ids, op), op), promptLength: undefined };
}

/** Prompt and completion are encoded apart, as in sampling: the ids of a completion do not depend on the prompt. */
function textRow(
  source: OpenModel,
  row: { readonly [key: string]: unknown },
  op: string,
  how: PromptOptions,
): ScoreRow {
  const { prompt, completion } = row;
  if (typeof prompt !== 'string' || typeof completion !== 'string') {
    throw fieldFault(row, '"ids", or texts "prompt" and "completion"', op);
  }
  const { ids } = textPrompt(source, prompt, how, op);
  return { ids: [...ids, ...source.tokenizer.encode(completion)], promptLength: ids.length, op };
}
