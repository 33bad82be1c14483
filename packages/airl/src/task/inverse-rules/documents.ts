import { Draws } from '../../data/draws.ts';
import { STREAMS } from '../../data/streams.ts';
import { editTrace, TRACE_EDITS } from './perturb.ts';
import { drawProblem, encodePrompt, type Problem } from './problem.ts';
import { baseTrace, encodeTrace, LINE_TOKENS, type Trace } from './trace.ts';
import { TOKEN } from './vocabulary.ts';
import { factOf, type World } from './world.ts';

/** A pre-training document. The loss is taken on all completion tokens. */
export interface Document {
  readonly promptIds: Uint32Array;
  readonly completionIds: Uint32Array;
  readonly kind: 'trace' | 'reviewed';
}

const REVIEWED = 0.3;
const PERTURBED = 0.3;
const FUDGED = 0.3;
const FUDGED_LINES = 0.7;

/**
 * Document number `index` of the pre-training corpus: a pure function of (world.seed, index).
 * 70 % are traces of the base writer. 30 % are proof-read: `<review>` in place of `<think>` and `ok`
 * or `no` in place of each `;`. Of these, 30 % hold one random edit and another 30 % hold fudged
 * lines (result := value, whatever the rule says), so that errors of all kinds occur under review.
 */
export function createDocument(world: World, index: number): Document {
  const draws = new Draws(world.seed, STREAMS.documents, index);
  const problem = drawProblem(world, 'train', 1, draws);
  const promptIds = encodePrompt(problem);
  const trace = baseTrace(world, problem, draws);
  if (!draws.chance(REVIEWED)) return { promptIds, completionIds: encodeTrace(trace), kind: 'trace' };
  promptIds[promptIds.length - 1] = TOKEN.review;
  return { promptIds, completionIds: review(world, problem, blemish(trace, draws)), kind: 'reviewed' };
}

function blemish(trace: Trace, draws: Draws): Trace {
  const way = draws.weighted([PERTURBED, FUDGED, 1 - PERTURBED - FUDGED]);
  if (way === 0) return editTrace(trace, draws.pick(TRACE_EDITS), draws);
  if (way === 1) {
    for (const line of trace.lines) if (draws.chance(FUDGED_LINES)) line.result = line.value;
  }
  return trace;
}

/** The trace with a verdict at the end of each line. The running value is the guess as written. */
function review(world: World, problem: Problem, trace: Trace): Uint32Array {
  const ids = encodeTrace(trace);
  let running = problem.start;
  trace.lines.forEach(({ value, rule, guess, result }, i) => {
    const right =
      value === running && rule === problem.rules[i] && guess === world.invert[factOf(rule, value)] && result === value;
    ids[i * LINE_TOKENS + LINE_TOKENS - 1] = right ? TOKEN.ok : TOKEN.no;
    running = guess;
  });
  return ids;
}
