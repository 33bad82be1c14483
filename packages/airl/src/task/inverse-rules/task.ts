import { Draws } from '../../data/draws.ts';
import { STREAMS } from '../../data/streams.ts';
import type { StepRule } from '../../segment/step-splitter.ts';
import { CHECKERS } from '../../verify/checkers.ts';
import type { Demonstration, Task, TaskPrompt } from '../task.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { criticPromptIds } from './critic-prompt.ts';
import { type Setting, toolMask, toolToken, withToolTokens } from './environment.ts';
import { ADD_LINE, type PerturbationKind, perturbTrace, STRUCTURAL_EDITS, TRACE_EDITS } from './perturb.ts';
import {
  drawProblem,
  encodePrompt,
  MAX_STEPS,
  type Problem,
  problemKey,
  promptTokens,
  type Split,
  solve,
} from './problem.ts';
import { completionTokens, encodeTrace, expertTrace, parseTrace } from './trace.ts';
import { TOKEN, VOCAB_SIZE, wordsOf } from './vocabulary.ts';
import { createWorld, type World } from './world.ts';

export interface InverseRulesOptions {
  readonly seed: number;
  readonly setting: Setting;
  /** Sizes of the sets; the recipe has 100, 150 and 300. */
  readonly demonstrations: number;
  readonly dev: number;
  readonly test: number;
  /**
   * Setting `tool`: whether the tool writes its tokens anew after an edit of an expert, so that a perturbed expert is a
   * trace that a policy could have written with it. False unless said: then edits may change what the tool wrote.
   */
  readonly toolWritesInEdits?: boolean;
  /** Whether perturbed experts may have a line too many (`ADD_LINE`), where there is room for it; not unless said. */
  readonly addsLines?: boolean;
}

/** The embedded reasoning task, with the parts of it that a study looks into. */
export interface InverseRulesTask extends Task {
  readonly world: World;
  /** Which facts the demonstrations show. */
  readonly coverage: Coverage;
}

const MIN_STEPS = 2;

/** A step ends at `;` and, as everywhere, at the last token. */
const stepRule: StepRule = (pieces) =>
  pieces.flatMap((piece, i) => (piece === ';' || i === pieces.length - 1 ? [i] : []));

/**
 * The inverse-rules task of a seed: each step asks for a digit g with rule(g) = v, so that finding g is
 * recall and checking it is one look-up. Demonstrations, unlabelled prompts, dev and test problems are
 * all different, and only the first two are ever trained on.
 */
export function createInverseRulesTask(options: InverseRulesOptions): InverseRulesTask {
  const world = createWorld(options.seed);
  const problems = distinctProblems(world, 'train', STREAMS.demonstrations, options.demonstrations);
  const demonstrations = problems.map((problem, i): Demonstration => {
    const draws = new Draws(world.seed, STREAMS.demonstrations, 1 + i);
    return { ...promptOf(world, problem), completionIds: encodeTrace(expertTrace(world, problem, draws)) };
  });
  const demonstrated = new Set(problems.map(problemKey));
  const prompts = (split: Split, stream: number, count: number): TaskPrompt[] =>
    distinctProblems(world, split, stream, count).map((problem) => promptOf(world, problem));
  const decode = (ids: ArrayLike<number>): string => wordsOf(ids).join(' ');
  const usesTool = options.setting === 'tool';
  const shortEdits: readonly PerturbationKind[] = [...TRACE_EDITS, ...STRUCTURAL_EDITS];
  const edits: readonly PerturbationKind[] = options.addsLines === true ? [...shortEdits, ADD_LINE] : shortEdits;
  const rewritesEdits = usesTool && options.toolWritesInEdits === true;

  return {
    name: `inverse-rules-${options.setting}`,
    world,
    coverage: coverageOf(world, problems),
    vocabSize: VOCAB_SIZE,
    endIds: [TOKEN.eos],
    maxPromptTokens: promptTokens(MAX_STEPS),
    maxCompletionTokens: completionTokens(MAX_STEPS),
    demonstrations,
    dev: prompts('dev', STREAMS.dev, options.dev),
    test: prompts('test', STREAMS.test, options.test),
    unlabelled: (index) => {
      const draws = new Draws(world.seed, STREAMS.unlabelled, index);
      for (;;) {
        const problem = drawProblem(world, 'train', MIN_STEPS, draws);
        if (!demonstrated.has(problemKey(problem))) return promptOf(world, problem);
      }
    },
    decode,
    pieces: wordsOf,
    stepRule,
    check: (completionText, { gold }) => CHECKERS.exact(completionText, gold),
    criticPromptIds,
    ...(usesTool ? { environment: (tokens, length) => toolToken(world, tokens, length) } : {}),
    forced: (ids) => (usesTool ? toolMask(world, ids) : new Uint8Array(ids.length)),
    corrupt: ({ completionIds }, draws) => {
      const source = parseTrace(completionIds);
      if (source === undefined) return undefined;
      const kind = draws.pick(source.lines.length < MAX_STEPS ? edits : shortEdits);
      for (;;) {
        const edited = perturbTrace(world, source, kind, draws);
        if (!rewritesEdits) return { completionIds: edited, functions: [kind] };
        // Of an edit of what the tool writes nothing is left; each kind has others.
        const written = withToolTokens(world, edited);
        if (!isEqual(written, completionIds)) return { completionIds: written, functions: [kind] };
      }
    },
  };
}

function isEqual(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((id, t) => id === b[t]);
}

/** Problems of a split that all differ, the first `count` of a stream. */
function distinctProblems(world: World, split: Split, stream: number, count: number): Problem[] {
  const found = new Map<string, Problem>();
  const draws = new Draws(world.seed, stream, 0);
  while (found.size < count) {
    const problem = drawProblem(world, split, MIN_STEPS, draws);
    found.set(problemKey(problem), problem);
  }
  return [...found.values()];
}

/** The question that states a problem. */
export function promptOf(world: World, problem: Problem): TaskPrompt {
  const promptIds = encodePrompt(problem);
  const digits = solve(world, problem);
  return {
    id: problemKey(problem),
    text: wordsOf(promptIds).join(' '),
    promptIds,
    gold: String(digits[digits.length - 1]),
  };
}
