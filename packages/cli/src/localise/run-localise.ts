import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Critic, createTextTask, policyRecord, segmentsOf, type TraceRecord, tokenSignals } from '@dawngrad/airl';
import { SELECTOR_NAMES } from '@dawngrad/eval';
import { writeFileAtomically } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { stoppable, withModel } from '../generation/model-session.ts';
import { hashFile } from '../run/hash-file.ts';
import { loadCritic } from '../run/load-critic.ts';
import { modelCodec } from '../run/model-codec.ts';
import { criticFolder, modelFolder, weightFiles } from '../run/model-folder.ts';
import { openSource, type Source } from '../run/open-source.ts';
import { readExamples } from '../run/read-examples.ts';
import { rowChecker } from '../run/row-checker.ts';
import { annotationWork } from './annotation-work.ts';
import { controlledWork } from './controlled-work.ts';
import { type CriticMarks, criticMarks } from './critic-marks.ts';
import { spanWork, stepWork } from './labelled-work.ts';
import type { LocaliseOptions } from './localise-options.ts';
import type { LocaliseWork } from './localise-work.ts';
import { openOutputFolder } from './output-folder.ts';
import { ScoreCache } from './score-cache.ts';
import { type TraceRequest, TraceText } from './trace-text.ts';

const SCORES = 'scores.jsonl';
const SUMMARY = 'summary.json';
/** Traces between two writes to the disk. */
const BATCH = 32;
/** The common grid of all signals beside that of tokens. */
const COMMON_INTERVAL = 15;

/** `dawngrad localise`: where a critic sees the first wrong step, beside the policy's own signals and chance. */
export async function runLocalise(options: LocaliseOptions, context: CommandContext): Promise<void> {
  checkOptions(options);
  const policy = await openSource(options.model, modelFolder, context);
  const critic = await openSource(options.critic, criticFolder, context);
  const marks = criticMarks(critic.folder, options);
  const text = new TraceText(modelCodec(policy.model), policy.model.tokenizer);
  const work = await planWork(text, options, marks, context);
  using _lock = await openOutputFolder(options.outputDir, await runConfig(options, marks, policy, critic));
  using cache = new ScoreCache(join(options.outputDir, SCORES), work.traces);
  await stoppable(context, async (stop) => {
    const waiting = work.traces.filter(({ id }) => !cache.has(id));
    if (waiting.length > 0) {
      const maxPositions = Math.max(...waiting.map((trace) => trace.promptIds.length + trace.completionIds.length));
      const session = { dtype: options.dtype, maxPositions };
      await withModel(policy.model, session, context, async ({ device, model, progress }) => {
        for (const [why, count] of Object.entries(work.leftOut)) {
          if (count > 0) progress.note(`note: ${count} rows left out: ${why}`);
        }
        if (cache.size > 0) progress.note(`${cache.size} of ${work.traces.length} traces are scored already`);
        const scorer = await loadCritic(device, critic, {
          policy: policy.model,
          maxPositions,
          format: options.criticDtype,
          training: null,
          progress,
        });
        try {
          const score = scorerOf(model, scorer, policy, options, marks);
          for (let first = 0; first < waiting.length && !stop.isRequested; first += BATCH) {
            cache.add(await score(waiting.slice(first, first + BATCH)));
            progress.step('score', cache.size, work.traces.length, {});
          }
        } finally {
          scorer.dispose();
        }
      });
    }
    if (cache.size < work.traces.length) {
      context.err(`stopped: ${cache.size} of ${work.traces.length} traces are scored; the same command goes on.\n`);
      return;
    }
    await writeResult(work, cache, options, context);
  });
}

function checkOptions({ aggregate, traceSource, pregenerated }: LocaliseOptions): void {
  const refuse = (op: string, expected: string, got: string): never => {
    throw new ToolError('usage', { op: `localise ${op}`, expected, got });
  };
  if (!SELECTOR_NAMES.includes(aggregate)) refuse('--aggregate', `one of ${SELECTOR_NAMES.join(', ')}`, aggregate);
  if ((traceSource === 'pregenerated') !== (pregenerated !== undefined)) {
    refuse('--trace-source', '--pregenerated with its file, and neither without the other', traceSource);
  }
}

async function planWork(
  text: TraceText,
  options: LocaliseOptions,
  marks: CriticMarks,
  context: CommandContext,
): Promise<LocaliseWork> {
  const interval = marks.granularity === 'interval' ? marks.intervalTokens : 1;
  switch (options.labels) {
    case 'controlled': {
      const { data, dataFormat, split } = options;
      const rows = { format: dataFormat, path: data, max_rows: null, split };
      const { examples } = await readExamples(rows, split, context);
      return controlledWork(examples, text, options, { interval, bucket: interval > 1 ? interval : COMMON_INTERVAL });
    }
    case 'spans':
      return spanWork(text, options, [...new Set([1, interval, COMMON_INTERVAL])]);
    case 'annotations':
      return annotationWork(text, options);
    default:
      return stepWork(text, options);
  }
}

/** Everything that the scores and the numbers depend on: a folder holds one of them. */
async function runConfig(
  { json: _, ...options }: LocaliseOptions,
  marks: CriticMarks,
  policy: Source,
  critic: Source,
): Promise<object> {
  const hashes = async (folder: string): Promise<string[]> =>
    Promise.all((await weightFiles(folder)).map((file) => hashFile(file)));
  return {
    schema: 1,
    ...options,
    outputDir: undefined,
    ...marks,
    policy_sha256: await hashes(policy.folder),
    critic_sha256: await hashes(critic.folder),
    data_sha256: await dataHash(options.data),
  };
}

/** Null for data on the hub, whose commit the name says. */
async function dataHash(path: string): Promise<string | null> {
  return existsSync(path) && statSync(path).isFile() ? hashFile(path) : null;
}

type Score = (
  traces: readonly TraceRequest[],
) => Promise<(readonly [string, Awaited<ReturnType<typeof tokenSignals>>[number]])[]>;

function scorerOf(
  model: Parameters<typeof tokenSignals>[0],
  critic: Critic,
  policy: Source,
  options: LocaliseOptions,
  marks: CriticMarks,
): Score {
  const task = createTextTask({
    name: options.labels,
    demonstrations: [],
    unlabelled: [],
    dev: [],
    test: [],
    codec: modelCodec(policy.model),
    limits: { maxPromptTokens: options.maxPromptTokens, maxCompletionTokens: options.maxCompletionTokens },
    overlong: 'error',
    checker: rowChecker({ format: options.dataFormat, checker: null }),
    corruptions: [],
    seed: options.seed,
  });
  return async (traces) => {
    const records = traces.map((trace, index): TraceRecord => {
      const prompt = { id: trace.id, text: '', promptIds: trace.promptIds, gold: '' };
      const record = policyRecord(task, prompt, trace.completionIds, marks, { round: 0, index });
      if (trace.stepEnds === undefined || marks.granularity !== 'step') return record;
      // The steps are those of the labels: each has the value at its own end.
      const ends = new Set([...trace.stepEnds.map((end) => end - 1), trace.completionIds.length - 1]);
      const own = Uint32Array.from(ends);
      return { ...record, marks: own, segments: segmentsOf(own) };
    });
    const signals = await tokenSignals(model, critic, task, records, {
      microBatchTokens: options.microBatchTokens,
      // The raw score; of a shaped critic its reward head, without the potential.
      reward: { temperature: 1, clip: null, form: critic.kind === 'shaped' ? 'g' : 'f' },
    });
    return traces.map(({ id }, i) => [id, signals[i]!] as const);
  };
}

async function writeResult(
  work: LocaliseWork,
  cache: ScoreCache,
  options: LocaliseOptions,
  { out }: CommandContext,
): Promise<void> {
  const { summary, details, text } = work.finish((id) => cache.get(id));
  const json = `${JSON.stringify({ ...summary, left_out: work.leftOut }, null, 2)}\n`;
  const write = (name: string, content: string): Promise<void> =>
    writeFileAtomically(join(options.outputDir, name), new TextEncoder().encode(content));
  await write(details.file, details.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await write(SUMMARY, json);
  out(
    options.json === true
      ? json
      : `${text}\n\ndetails: ${join(options.outputDir, details.file)}\nsummary: ${join(options.outputDir, SUMMARY)}\n`,
  );
}
