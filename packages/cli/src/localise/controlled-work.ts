import {
  CHECKERS,
  Draws,
  type EditedReasoning,
  type Example,
  editReasoning,
  foldedPrompt,
  STREAMS,
} from '@dawngrad/airl';
import {
  type ControlledOptions,
  changedPositions,
  measurePairs,
  pairDetail,
  type ScoredPair,
  summariseControlled,
} from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { rowChecker } from '../run/row-checker.ts';
import { devShare } from './dev-share.ts';
import type { LocaliseOptions } from './localise-options.ts';
import { controlledText } from './localise-text.ts';
import type { LocaliseWork, SignalsOf } from './localise-work.ts';
import { SampledTraces } from './sampled-traces.ts';
import type { TraceRequest, TraceText } from './trace-text.ts';

/** A clean trace, before it is scored. */
interface CleanTrace {
  readonly text: string;
  readonly generationIdx: number | null;
  readonly isCorrect: boolean;
}

interface PlannedPair extends Omit<ScoredPair, 'clean' | 'edited'> {
  readonly cleanId: string;
  readonly editedId: string;
}

/** The grid that a critic of a granularity is judged on. */
interface CriticGrid {
  /** Tokens a unit: the interval length of an interval critic, else 1. */
  readonly interval: number;
  /** Tokens a unit of the bucket grid beside that of tokens. */
  readonly bucket: number;
}

/** Clean traces and edited copies of them (r-airl.md, section 7.5 a and b). */
export function controlledWork(
  examples: readonly Example[],
  text: TraceText,
  options: LocaliseOptions,
  grid: CriticGrid,
): LocaliseWork {
  const traces: TraceRequest[] = [];
  const pairs: PlannedPair[] = [];
  const leftOut = {
    'without a trace': 0,
    'not correct': 0,
    'without think and answer blocks': 0,
    'over the limits': 0,
  };
  const sampled = options.pregenerated === undefined ? undefined : new SampledTraces(options.pregenerated);
  const end = options.maxExamples === 0 ? examples.length : options.startIndex + options.maxExamples;
  examples.slice(options.startIndex, end).forEach((example, promptIdx) => {
    const chosen = chooseClean(example, sampled, options);
    if (typeof chosen === 'string') {
      leftOut[chosen]++;
      return;
    }
    const promptIds = text.prompt(
      options.system ? example.prompt : foldedPrompt(example),
      options.system ? example.system : undefined,
    );
    const cleanIds = text.completion(chosen.text);
    const isOver = (ids: Uint32Array): boolean => ids.length > options.maxCompletionTokens;
    if (promptIds.length > options.maxPromptTokens || isOver(cleanIds)) {
      leftOut['over the limits']++;
      return;
    }
    const variants = editedVariants(chosen.text, options.startIndex + promptIdx, options);
    if (variants === undefined) {
      leftOut['without think and answer blocks']++;
      return;
    }
    const cleanId = `${promptIdx}/clean`;
    traces.push({ id: cleanId, promptIds, completionIds: cleanIds });
    for (const { severity, variantIdx, edited } of variants) {
      const completionIds = text.completion(edited.text);
      if (isOver(completionIds)) {
        leftOut['over the limits']++;
        continue;
      }
      const editedId = `${promptIdx}/severity-${severity}/variant-${variantIdx}`;
      traces.push({ id: editedId, promptIds, completionIds });
      pairs.push({
        promptIdx,
        promptId: example.id,
        severity,
        variantIdx,
        prompt: [
          ...(example.system === undefined ? [] : [{ role: 'system', content: example.system }]),
          { role: 'user', content: example.prompt },
        ],
        cleanText: chosen.text,
        editedText: edited.text,
        edits: edited.edits,
        changed: changedPositions(cleanIds, completionIds),
        isCleanCorrect: chosen.isCorrect,
        isEditedCorrect: isCorrect(edited.text, example, options),
        isAnswerUnchanged: answerOf(edited.text, example, options) === answerOf(chosen.text, example, options),
        traceSource: sampled === undefined ? 'expert' : 'pregenerated',
        generationIdx: chosen.generationIdx,
        cleanId,
        editedId,
      });
    }
  });
  if (pairs.length === 0) {
    const reasons = Object.entries(leftOut).filter(([, count]) => count > 0);
    throw new ToolError('config', {
      op: options.data,
      expected: 'at least one trace that can be edited',
      got: reasons.map(([why, count]) => `${count} ${why}`).join(', ') || 'no rows from --start-index on',
    });
  }
  const finish = (signalsOf: SignalsOf) => {
    const scored = pairs.map(
      ({ cleanId, editedId, ...pair }): ScoredPair => ({
        ...pair,
        clean: signalsOf(cleanId),
        edited: signalsOf(editedId),
      }),
    );
    const settings = controlledOptions(scored, options, grid);
    const measured = measurePairs(scored, settings);
    const summary = summariseControlled(measured, settings);
    return {
      summary,
      details: {
        file: 'pair_details.jsonl',
        rows: measured.map(({ pair, metrics }) => pairDetail(pair, metrics, settings)),
      },
      text: controlledText(summary),
    };
  };
  return { traces, leftOut, finish };
}

/** The trace to be edited, or why there is none. */
function chooseClean(
  example: Example,
  sampled: SampledTraces | undefined,
  options: LocaliseOptions,
): CleanTrace | 'without a trace' | 'not correct' {
  const candidates: readonly { readonly text: string; readonly generationIdx: number | null }[] =
    sampled === undefined
      ? example.target === undefined
        ? []
        : [{ text: example.target, generationIdx: null }]
      : sampled.of(example.id, [example.prompt, foldedPrompt(example)]);
  if (candidates.length === 0) return 'without a trace';
  const judged = candidates.map((one) => ({ ...one, isCorrect: isCorrect(one.text, example, options) }));
  // They come by generation_idx: the first is number 0 where it is there.
  const correct = judged.find((one) => one.isCorrect);
  if (options.cleanCorrectPolicy === 'ignore') return judged[0]!;
  if (correct !== undefined) return correct;
  return options.cleanCorrectPolicy === 'prefer' ? judged[0]! : 'not correct';
}

function editedVariants(
  clean: string,
  place: number,
  options: LocaliseOptions,
): { readonly severity: number; readonly variantIdx: number; readonly edited: EditedReasoning }[] | undefined {
  const { maxSeverity, variantsPerSeverity, perturbFns, seed } = options;
  const variants = [];
  for (let severity = 1; severity <= maxSeverity; severity++) {
    for (let variantIdx = 0; variantIdx < variantsPerSeverity; variantIdx++) {
      // A pair is a function of the seed and its place, whatever else is asked for.
      const draws = new Draws(seed, STREAMS.localisation, (place * 64 + severity) * 64 + variantIdx);
      const edited = editReasoning(clean, perturbFns, severity, draws);
      if (edited === undefined) return undefined;
      variants.push({ severity, variantIdx, edited });
    }
  }
  return variants;
}

function verdictOf(text: string, { answer, options: choices }: Example, { dataFormat }: LocaliseOptions) {
  return CHECKERS[rowChecker({ format: dataFormat, checker: null })](text, answer, choices);
}

function isCorrect(text: string, example: Example, options: LocaliseOptions): boolean {
  return verdictOf(text, example, options).outcome === 'correct';
}

function answerOf(text: string, example: Example, options: LocaliseOptions): string | null {
  return verdictOf(text, example, options).answer;
}

function controlledOptions(
  pairs: readonly ScoredPair[],
  options: LocaliseOptions,
  { interval, bucket }: CriticGrid,
): ControlledOptions {
  return {
    aggregate: options.aggregate,
    grid: { interval, window: options.localWindow },
    hitKs: options.hitKs,
    smoothWindow: options.smoothWindow,
    onset: { threshold: options.onsetThreshold, persistence: options.onsetPersistence },
    zscoreBins: options.zscoreBins,
    zscoreMode: options.zscoreMode,
    windows: options.windows,
    bucket,
    devPrompts: devShare(new Set(pairs.map(({ promptId }) => promptId)), options.devFraction ?? 0, options.seed),
    resamples: options.resamples ?? 2000,
    seed: options.seed,
  };
}
