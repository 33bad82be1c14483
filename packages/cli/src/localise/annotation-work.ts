import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type AnnotatedCase, type Annotation, parseAnnotation, summariseUnits, type VisibleUnit } from '@dawngrad/eval';
import { isJsonObject, type JsonObject } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import { jsonRows } from '../generation/prompt-rows.ts';
import type { LocaliseOptions } from './localise-options.ts';
import { unitText } from './localise-text.ts';
import type { LocaliseWork } from './localise-work.ts';
import type { TraceRequest, TraceText } from './trace-text.ts';

/** Annotators draw many resamples in the published figures. */
const RESAMPLES = 20_000;

/** A trace as it was shown to annotators. */
interface ShownCase {
  readonly caseId: string;
  readonly system: string | undefined;
  readonly prompt: string;
  readonly completion: string;
  readonly units: readonly VisibleUnit[];
}

/** Cases that clinicians labelled, in the layout of the reference (r-airl.md, section 7.5 d). */
export function annotationWork(text: TraceText, options: LocaliseOptions): LocaliseWork {
  const annotations = readAnnotations(options.annotations);
  const cases = new Map<string, ShownCase>();
  for (const { row, op } of jsonRows(options.data)) {
    const shown = shownCase(row, op);
    if (cases.has(shown.caseId)) {
      throw new ToolError('config', { op, expected: 'each case once', got: `${shown.caseId} again` });
    }
    cases.set(shown.caseId, shown);
  }
  const leftOut = { 'labels of cases that are not in --data': 0, 'over the limits': 0 };
  const traces = new Map<string, TraceRequest>();
  const planned: (Omit<AnnotatedCase, 'signals'> & { readonly id: string })[] = [];
  for (const annotation of annotations) {
    const shown = cases.get(annotation.caseId);
    if (shown === undefined) {
      leftOut['labels of cases that are not in --data']++;
      continue;
    }
    const promptIds = text.prompt(shown.prompt, shown.system);
    const completionIds = text.completion(shown.completion);
    if (promptIds.length > options.maxPromptTokens || completionIds.length > options.maxCompletionTokens) {
      leftOut['over the limits']++;
      continue;
    }
    traces.set(shown.caseId, { id: shown.caseId, promptIds, completionIds });
    // Spans of these files count code points.
    planned.push({ id: shown.caseId, annotation, textLength: [...shown.completion].length, units: shown.units });
  }
  if (planned.length === 0) {
    throw new ToolError('config', {
      op: options.data,
      expected: 'cases with labels',
      got: `${cases.size} cases, ${annotations.length} labels, none of them together within the limits`,
    });
  }
  return {
    traces: [...traces.values()],
    leftOut,
    finish: (signalsOf) => {
      const scored = planned.map(({ id, ...one }): AnnotatedCase => ({ ...one, signals: signalsOf(id) }));
      const summary = summariseUnits(scored, {
        resamples: options.resamples ?? RESAMPLES,
        seed: options.seed,
      });
      const rows = scored.map(({ annotation, units, signals }) => ({
        expert_id: annotation.expertId,
        case_id: annotation.caseId,
        selected_step_id: annotation.selectedStepId,
        no_clear_localisable_error: annotation.hasNoClearError,
        final_answer_only_error: annotation.isFinalAnswerOnly,
        n_steps: units.length,
        ...signals,
      }));
      return { summary, details: { file: 'case_details.jsonl', rows }, text: unitText(summary) };
    },
  };
}

function readAnnotations(folder: string | undefined): Annotation[] {
  if (folder === undefined) {
    throw new ToolError('usage', {
      op: 'localise --labels annotations',
      expected: '--annotations with the folder of expert_*.jsonl',
      got: 'none',
    });
  }
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^expert_.*\.jsonl$/.test(name)) : [];
  if (files.length === 0) {
    throw new ToolError('config', { op: folder, expected: 'files expert_*.jsonl', got: 'none' });
  }
  return files
    .sort()
    .flatMap((name) =>
      Array.from(jsonRows(join(folder, name)), ({ row, op }) =>
        parseAnnotation(row, op, name.slice(0, -'.jsonl'.length)),
      ),
    );
}

/** A row `{case_id, prompt: messages, generation, steps: [{step_id, char_span: [start, end]}]}`. */
function shownCase(row: JsonObject, op: string): ShownCase {
  const { case_id: caseId, prompt, generation, steps } = row;
  const fault = (expected: string, got: unknown): ToolError =>
    new ToolError('config', { op, expected, got: (JSON.stringify(got) ?? 'nothing').slice(0, 60) });
  if (typeof caseId !== 'string' || caseId.trim() === '') throw fault('a text in "case_id"', caseId);
  const completion = isJsonObject(generation) ? generation.content : generation;
  if (typeof completion !== 'string' || completion === '') throw fault('a text in "generation"', generation);
  const messages = Array.isArray(prompt) ? prompt.filter(isJsonObject) : [];
  const contentOf = (role: string): string | undefined => {
    const content = messages.findLast((message) => message.role === role)?.content;
    return typeof content === 'string' ? content : undefined;
  };
  const user = contentOf('user');
  if (user === undefined) throw fault('a list of messages with one of the user in "prompt"', prompt);
  if (!Array.isArray(steps) || steps.length === 0) throw fault('a list in "steps"', steps);
  const units = steps.map((step): VisibleUnit => {
    const { step_id: id, char_span: span } = (isJsonObject(step) ? step : {}) as JsonObject;
    const [start, end] = Array.isArray(span) ? span : [];
    if (!Number.isInteger(Number(id)) || !Number.isInteger(start) || !Number.isInteger(end)) {
      throw fault('steps with "step_id" and "char_span" [start, end]', step);
    }
    return { stepId: Number(id), start: start as number, end: end as number };
  });
  return { caseId: caseId.trim(), system: contentOf('system'), prompt: user, completion, units };
}
