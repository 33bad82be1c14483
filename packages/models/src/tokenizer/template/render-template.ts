import { ToolError } from '@dawngrad/tensor';
import { BoundedInterpreter } from './bounded-interpreter.ts';
import { type JinjaNode, parseTemplate, Scope } from './jinja.ts';
import { strftime } from './strftime.ts';
import { MAX_TEXT, TemplateLimitError, WorkBudget } from './work-budget.ts';

/** Cap on the template's text, in characters. Published templates have up to about 15,000. */
const TEMPLATE_CAP = 64 << 10;
/** The library's search for `{% generation %}` takes the square of a run of white space. */
const MAX_SPACES = 512;
/** As in Jinja's sandbox. */
const MAX_RANGE = 100_000;
/** Work that every render may do, of about a microsecond each; the longest published templates need some thousands. */
const BASE_WORK = 500_000;

/** What a template calls when it refuses a conversation. */
class TemplateRefusal extends Error {}

/**
 * Renders a Jinja template with the variables given and the functions that transformers gives chat templates: `range`,
 * `raise_exception`, `strftime_now` (of the day given, not today) and `namespace`. It sees nothing else.
 *
 * The template is interpreted and its work is counted, so that a hostile one ends in an error within about a second
 * and some hundred megabytes, in this thread.
 *
 * @throws ToolError `corrupt` for a template that is over 64 KiB, does not parse, fails, or goes over its limits, and
 * `config` where it refuses the conversation (`raise_exception`)
 */
export function renderTemplate(template: string, variables: Readonly<Record<string, unknown>>, date: string): string {
  const scope = new Scope();
  try {
    const constants = { true: true, false: false, none: null, True: true, False: false, None: null };
    for (const [name, value] of Object.entries(constants)) scope.set(name, value);
    scope.set('range', boundedRange);
    scope.set('raise_exception', (message: unknown) => {
      throw new TemplateRefusal(typeof message === 'string' ? message : 'no reason');
    });
    scope.set('strftime_now', (format: unknown) => strftime(date, String(format)));
    const { size, items } = extentOf(variables);
    for (const [name, value] of Object.entries(variables)) {
      if (value !== undefined) scope.setVariable(name, new Scope().set(name, value));
    }
    const budget = new WorkBudget(BASE_WORK + size + 100 * items + items * items, 4 * (MAX_TEXT + size));
    return new BoundedInterpreter(scope, budget).evaluate(parsed(template), scope).value as string;
  } catch (cause) {
    throw templateError(cause);
  }
}

function templateError(cause: unknown): ToolError {
  if (cause instanceof ToolError) return cause;
  const got = (cause instanceof Error ? cause.message : String(cause)).slice(0, 160);
  const op = 'chat template';
  if (cause instanceof TemplateRefusal) {
    return new ToolError('config', { op, expected: 'a conversation that the template accepts', got, cause });
  }
  if (cause instanceof TemplateLimitError) {
    return new ToolError('corrupt', { op, expected: 'a template within its limits', got, cause });
  }
  return new ToolError('corrupt', { op, expected: 'a template that renders', got, cause });
}

const cache = new Map<string, JinjaNode>();
const CACHE_ENTRIES = 8;

/** The program of a template; the last few are kept, since rows by the thousand go through one. */
function parsed(template: string): JinjaNode {
  const known = cache.get(template);
  if (known !== undefined) return known;
  const op = 'chat template';
  if (template.length > TEMPLATE_CAP) {
    throw new ToolError('corrupt', {
      op,
      expected: `at most ${TEMPLATE_CAP} characters`,
      got: `${template.length}`,
    });
  }
  if (hasLongBlank(template)) {
    throw new ToolError('corrupt', {
      op,
      expected: `at most ${MAX_SPACES} white-space characters in a row`,
      got: 'more',
    });
  }
  const program = parseTemplate(template);
  if (cache.size >= CACHE_ENTRIES) cache.delete(cache.keys().next().value as string);
  cache.set(template, program);
  return program;
}

function hasLongBlank(text: string): boolean {
  let run = 0;
  for (const char of text) {
    run = /\s/u.test(char) ? run + 1 : 0;
    if (run > MAX_SPACES) return true;
  }
  return false;
}

/** Python's range. */
function boundedRange(...args: readonly unknown[]): number[] {
  const [first, second, step = 1] = args;
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (!isInteger(start) || !isInteger(stop) || !isInteger(step) || step === 0) throw new Error('range takes integers');
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (count > MAX_RANGE) throw new TemplateLimitError(`it counts to ${count}`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Characters and list items of plain data. */
function extentOf(value: unknown): { readonly size: number; readonly items: number } {
  if (typeof value === 'string') return { size: value.length, items: 0 };
  if (typeof value !== 'object' || value === null) return { size: 1, items: 0 };
  let size = 1;
  let items = Array.isArray(value) ? value.length : 0;
  for (const [key, item] of Object.entries(value)) {
    const inner = extentOf(item);
    size += key.length + inner.size;
    items += inner.items;
  }
  return { size, items };
}
