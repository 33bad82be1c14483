import type { Draws } from '../../data/draws.ts';
import { CONNECTIVE_WEIGHTS, encodeTrace, LINE_TOKENS, type Line, type Trace } from './trace.ts';
import { RULES } from './vocabulary.ts';
import { factOf, type World } from './world.ts';

/** Edits that keep the layout of a trace. Values after the edit are not recomputed. */
export const TRACE_EDITS = ['change-numbers', 'change-rule', 'shift-answer', 'copy-answer'] as const;
/** Edits that break the layout. Without them a critic never sees malformed text (study recipe, section 4). */
export const STRUCTURAL_EDITS = ['drop-line', 'drop-token'] as const;
/**
 * A line too many: the chain goes on from its answer by a rule that the prompt does not have. Without it the lines of a
 * text that never comes to an end look as good as an expert's.
 */
export const ADD_LINE = 'add-line';

export type TraceEdit = (typeof TRACE_EDITS)[number];
export type PerturbationKind = TraceEdit | (typeof STRUCTURAL_EDITS)[number] | typeof ADD_LINE;

// A changed guess under an unchanged result is exactly a fudged check, hence its triple weight.
export const NUMBER_PLACES = ['value', 'guess', 'guess', 'guess', 'result'] as const;

/** The trace after one edit of the given kind; it always differs from its source. */
export function editTrace(source: Trace, kind: TraceEdit, draws: Draws): Trace {
  for (;;) {
    const trace: Trace = { lines: source.lines.map((line) => ({ ...line })), answer: source.answer };
    const line = (): Line => draws.pick(trace.lines);
    if (kind === 'change-numbers') {
      const edits = 1 + draws.integer(2);
      for (let i = 0; i < edits; i++) line()[draws.pick(NUMBER_PLACES)] = draws.integer(10);
    } else if (kind === 'change-rule') {
      line().rule = draws.integer(RULES);
    } else if (kind === 'shift-answer') {
      trace.answer = (source.answer + (draws.chance(0.5) ? 1 : 9)) % 10;
    } else {
      const numbers = source.lines.flatMap(({ value, guess, result }) => [value, guess, result]);
      const others = numbers.filter((number) => number !== source.answer);
      // A trace may hold no other number (a chain of fixed points); then any other digit will do.
      trace.answer = others.length > 0 ? draws.pick(others) : draws.integer(10);
    }
    if (differs(trace, source)) return trace;
  }
}

function differs(a: Trace, b: Trace): boolean {
  return (
    a.answer !== b.answer ||
    a.lines.some((line, i) => {
      const other = b.lines[i] as Line;
      return (
        line.value !== other.value ||
        line.rule !== other.rule ||
        line.guess !== other.guess ||
        line.result !== other.result
      );
    })
  );
}

/** How often a line too many is right in itself, and how often the answer is then the line's. */
const ADDED_RIGHT = 0.7;
const ADDED_ANSWERS = 0.5;

function addLine(world: World, source: Trace, draws: Draws): Trace {
  const connective = draws.weighted(CONNECTIVE_WEIGHTS);
  const [value, rule] = [source.answer, draws.integer(RULES)];
  const guess = draws.chance(ADDED_RIGHT) ? world.invert[factOf(rule, value)]! : draws.integer(10);
  const line: Line = { connective, value, rule, guess, result: world.apply[rule * 10 + guess]! };
  return { lines: [...source.lines, line], answer: draws.chance(ADDED_ANSWERS) ? guess : source.answer };
}

/**
 * The completion of an expert trace after one edit of the given kind.
 * `drop-token` never takes the closing `<eos>`: positives and negatives must end the same way (I5).
 */
export function perturbTrace(world: World, source: Trace, kind: PerturbationKind, draws: Draws): Uint32Array {
  if (kind === ADD_LINE) return encodeTrace(addLine(world, source, draws));
  if (kind !== 'drop-line' && kind !== 'drop-token') return encodeTrace(editTrace(source, kind, draws));
  const ids = Array.from(encodeTrace(source));
  if (kind === 'drop-line') ids.splice(draws.integer(source.lines.length) * LINE_TOKENS, LINE_TOKENS);
  else ids.splice(draws.integer(ids.length - 1), 1);
  return Uint32Array.from(ids);
}
