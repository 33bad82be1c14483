import {
  type GeneratedSample,
  type GenerateOptions,
  generate,
  type OpenModel,
  StreamingDecoder,
} from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import type { GuidanceOptions } from '../guided/guidance-options.ts';
import { checkGuidanceOptions, withGuide } from '../guided/with-guide.ts';
import { TEMPLATE_DATE } from '../run/model-codec.ts';
import { plainText } from '../ui/plain-text.ts';
import { AtomicLineFile } from './atomic-line-file.ts';
import { roomAfter } from './context-length.ts';
import { shortFloat32 } from './float32-json.ts';
import type { ModelOptions, SamplingOptions } from './generation-options.ts';
import { openGenerationSource, stoppable, withModel } from './model-session.ts';
import { idsPrompt, type PromptRow, promptRows, textPrompt } from './prompt-rows.ts';
import { resolveSampling } from './resolve-sampling.ts';

export interface RunGenerateOptions extends ModelOptions, SamplingOptions, GuidanceOptions {
  readonly prompt?: string;
  readonly input?: string;
  readonly ids?: readonly number[];
  readonly chat?: boolean;
  readonly system?: string;
  readonly date?: string;
  readonly samples: number;
  readonly json?: boolean;
  readonly output?: string;
}

/** Tokens of a completion where neither the command line nor the model says how many. */
const DEFAULT_NEW_TOKENS = 256;
/** Random draws of this verb. */
const STREAM = 0x6e;

/** `dawngrad generate`: completions as text, or as JSON lines. */
export async function runGenerate(options: RunGenerateOptions, context: CommandContext): Promise<void> {
  checkGuidanceOptions(options);
  const source = await openGenerationSource(options, context);
  const prompts = readPrompts(source, options);
  const sampling = resolveSampling(options, source.generationConfig);
  const room = Math.min(...prompts.map(({ ids, op }) => roomAfter(source.config, ids.length, op)));
  const maxNewTokens = fittingLength(sampling.maxNewTokens, room, prompts);
  using file = options.output === undefined ? undefined : new AtomicLineFile(options.output);
  const maxPositions = Math.max(...prompts.map(({ ids }) => ids.length)) + maxNewTokens;
  await stoppable(context, (stop) =>
    withModel(source, { dtype: options.dtype, maxPositions }, context, async ({ device, model, progress }) => {
      if (stop.isRequested) return;
      const isOne = prompts.length * options.samples === 1;
      const isGuided = options.guidance !== undefined && options.guidance !== 'none';
      const isStreamed = isOne && file === undefined && options.json !== true && !isGuided;
      const startMs = performance.now();
      const requests = prompts.map(({ ids }, row) => ({
        promptIds: Uint32Array.from(ids),
        samples: options.samples,
        firstSampleId: row * options.samples,
      }));
      const settings: GenerateOptions = {
        maxNewTokens,
        settings: sampling.settings,
        seed: options.seed,
        cacheDType: options.cacheDtype,
        stream: STREAM,
        stopIds: source.stopIds,
        text: {
          decoder: () => new StreamingDecoder(source.tokenizer, { skipSpecialTokens: true }),
          stops: sampling.stops,
        },
        ...(isStreamed ? { onToken: ({ text }) => context.out(plainText(text)) } : {}),
        onProgress: (done, total, tokens) => {
          if (isStreamed) return;
          const rate = tokens / ((performance.now() - startMs) / 1000);
          progress.step('sample', done, total, { 'perf/tokens_per_second': rate });
        },
        shouldStop: () => stop.isRequested,
      };
      const samples = isGuided
        ? await withGuide({ device, model, source, maxPositions, progress }, options, context, (guided) =>
            guided(requests, settings),
          )
        : await generate(model, requests, settings);
      progress.close();
      if (isStreamed) context.out('\n');
      for (const sample of samples) {
        const row = sampleRow(prompts, sample);
        file?.append(row);
        if (file !== undefined || isStreamed) continue;
        context.out(options.json === true ? `${JSON.stringify(row)}\n` : sampleText(prompts, sample, options.samples));
      }
      if (samples.length === prompts.length * options.samples) file?.commit();
      else if (file !== undefined) context.err(`stopped: ${options.output} is not written\n`);
    }),
  );
}

function readPrompts(source: OpenModel, options: RunGenerateOptions): PromptRow[] {
  const { prompt, input, ids, chat = false, system, date = TEMPLATE_DATE } = options;
  const given = Object.entries({ '--prompt': prompt, '--input': input, '--ids': ids }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length !== 1) {
    throw new ToolError('usage', {
      op: 'generate',
      expected: 'one of --prompt, --input and --ids',
      got: given.map(([name]) => name).join(' and ') || 'none of them',
    });
  }
  const how = { chat, system, date };
  if (input !== undefined) return promptRows(source, input, how);
  return [ids === undefined ? textPrompt(source, prompt!, how, '--prompt') : idsPrompt(source, ids, '--ids')];
}

/** A length that was asked for must fit; a default one is shortened to the context. */
function fittingLength(wanted: number | undefined, room: number, prompts: readonly PromptRow[]): number {
  if (wanted === undefined) return Math.min(DEFAULT_NEW_TOKENS, room);
  if (wanted <= room) return wanted;
  const longest = prompts.reduce((a, b) => (b.ids.length > a.ids.length ? b : a));
  throw new ToolError('config', {
    op: longest.op,
    expected: `prompt and completion within the model's ${room + longest.ids.length} tokens of context`,
    got: `${longest.ids.length} tokens and --max-new-tokens ${wanted}`,
    hint: `lower --max-new-tokens to ${room} or shorten the prompt.`,
  });
}

function sampleRow(prompts: readonly PromptRow[], sample: GeneratedSample): object {
  return {
    row: sample.request,
    sample: sample.sample,
    prompt_ids: prompts[sample.request]!.ids,
    ids: Array.from(sample.ids),
    text: sample.text ?? '',
    logprobs: Array.from(sample.logps, shortFloat32),
    finish: sample.finish,
  };
}

function sampleText(prompts: readonly PromptRow[], sample: GeneratedSample, samples: number): string {
  const row = prompts.length > 1 ? `prompt ${sample.request + 1} of ${prompts.length}, ` : '';
  const ended = sample.finish === 'stop' ? '' : ', cut at the limit';
  const head = `--- ${row}sample ${sample.sample + 1} of ${samples}: ${sample.ids.length} tokens${ended}`;
  return `${head}\n${plainText(sample.text ?? '')}\n`;
}
