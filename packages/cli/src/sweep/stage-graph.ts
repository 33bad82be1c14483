import { ConfigError, type ConfigFault } from '../config/config-error.ts';
import { nearest } from '../config/nearest.ts';
import { type Placeholder, placeholdersIn } from './placeholders.ts';
import type { AxisValues, StageSpec, SweepFile } from './sweep-file.ts';

/** What a stage takes from another. */
export interface StageInput {
  readonly stage: string;
  /** Values that the other stage's axes have, as written: placeholders are not filled. */
  readonly at: AxisValues;
  /** Axes of the other stage all of whose values are taken. */
  readonly gather: readonly string[];
}

/** A stage with what it depends on, before its axes are multiplied out. */
export interface GraphStage {
  readonly name: string;
  readonly spec: StageSpec;
  /** By the name in `inputs`; a stage that is named in a placeholder or in `after` is there as `stages.<name>`. */
  readonly inputs: ReadonlyMap<string, StageInput>;
  /** Axes whose values tell one job of the stage from another. */
  readonly axes: readonly string[];
}

const PARTS = ['run', 'out', 'folder'];

/** The key in `inputs` of a stage that is named without one. */
export function direct(stage: string): string {
  return `stages.${stage}`;
}

/** The axes of a sweep: of the grid, and of pairs that go together. */
function axesOf(file: Pick<SweepFile, 'axes' | 'paired'>): string[] {
  return [...Object.keys(file.axes), ...file.paired.flatMap((group) => Object.keys(group))];
}

/**
 * The stages of a sweep, each after those that it depends on. Throws ConfigError for unknown stages, axes and names,
 * for pairs of unequal length and for cycles, all at once.
 */
export function stageGraph(file: SweepFile): GraphStage[] {
  const faults: ConfigFault[] = [];
  const fault = (path: readonly PropertyKey[], message: string): void => {
    faults.push({ place: `${file.path}:${file.lineOf(path)}`, key: path.join('.'), message });
  };
  const known = axesOf(file);
  const names = Object.keys(file.stages);
  const wantAxis = (axis: string, at: readonly PropertyKey[]): void => {
    if (!known.includes(axis)) fault(at, unknown('axis', axis, known));
  };
  for (const [i, axis] of known.entries()) {
    if (known.indexOf(axis) !== i) fault(['axes'], `the axis ${axis} is there twice.`);
  }
  for (const [i, group] of file.paired.entries()) {
    const lengths = Object.entries(group).map(([axis, values]) => `${axis} has ${values.length}`);
    if (new Set(Object.values(group).map(({ length }) => length)).size > 1) {
      fault(['paired', i], `expected lists of one length, got: ${lengths.join(', ')}.`);
    }
  }
  for (const [i, condition] of file.exclude.entries()) {
    for (const axis of Object.keys(condition)) wantAxis(axis, ['exclude', i]);
  }

  const inputs = new Map<string, Map<string, StageInput>>();
  for (const name of names) {
    const spec = file.stages[name] as StageSpec;
    const at = ['stages', name];
    const own = new Map<string, StageInput>();
    inputs.set(name, own);
    const want = (key: string, input: StageInput, path: readonly PropertyKey[]): void => {
      if (!names.includes(input.stage)) {
        fault(path, unknown('stage', input.stage, names));
        return;
      }
      for (const axis of [...Object.keys(input.at), ...input.gather]) wantAxis(axis, path);
      own.set(key, input);
    };
    for (const [key, given] of Object.entries(spec.inputs)) {
      const input = typeof given === 'string' ? { stage: given, at: {}, gather: [] } : given;
      want(key, input, [...at, 'inputs', key]);
    }
    for (const stage of spec.after) want(direct(stage), { stage, at: {}, gather: [] }, [...at, 'after']);
    for (const { placeholder, path } of placeholdersOf(spec)) {
      const where = [...at, ...path];
      const { space, name: word, part } = placeholder;
      if (space === 'axes') wantAxis(word, where);
      if (space === 'stages') want(direct(word), { stage: word, at: {}, gather: [] }, where);
      if (space === 'inputs' && spec.inputs[word] === undefined) {
        fault(where, unknown('input', word, Object.keys(spec.inputs)));
      }
      const isOfStage = space === 'stages' || space === 'inputs';
      // Of a stage also the value that it has on an axis.
      if (isOfStage && !PARTS.includes(part ?? '') && !known.includes(part ?? '')) {
        const got = part === undefined ? `${space}.${word}` : `${space}.${word}.${part}`;
        fault(where, `expected \${${space}.${word}.run}, .out, .folder or an axis, got \${${got}}.`);
      }
      if ((space === 'here' && !PARTS.includes(word)) || (space === 'sweep' && word !== 'dir')) {
        fault(where, `expected \${here.run}, \${here.folder} or \${sweep.dir}, got \${${space}.${word}}.`);
      }
    }
    for (const axis of [...(spec.axes ?? []), ...Object.keys(spec.only), ...spec.skip.flatMap(Object.keys)]) {
      wantAxis(axis, at);
    }
  }
  if (faults.length > 0) throw new ConfigError(file.path, faults);

  const sorted = new Map<string, GraphStage>();
  const visit = (name: string, chain: readonly string[]): void => {
    if (sorted.has(name)) return;
    if (chain.includes(name)) {
      const cycle = [...chain.slice(chain.indexOf(name)), name].join(' -> ');
      throw new ConfigError(file.path, [
        {
          place: `${file.path}:${file.lineOf(['stages', name])}`,
          key: `stages.${name}`,
          message: `needs itself: ${cycle}.`,
        },
      ]);
    }
    const own = inputs.get(name) as Map<string, StageInput>;
    for (const { stage } of own.values()) visit(stage, [...chain, name]);
    const spec = file.stages[name] as StageSpec;
    const needed = new Set(spec.axes);
    for (const { placeholder } of placeholdersOf(spec)) {
      if (placeholder.space === 'axes') needed.add(placeholder.name);
    }
    for (const axis of [...Object.keys(spec.only), ...spec.skip.flatMap(Object.keys)]) needed.add(axis);
    for (const { stage, at, gather } of own.values()) {
      for (const axis of (sorted.get(stage) as GraphStage).axes) {
        if (!(axis in at) && !gather.includes(axis)) needed.add(axis);
      }
    }
    sorted.set(name, { name, spec, inputs: own, axes: known.filter((axis) => needed.has(axis)) });
  };
  for (const name of names) visit(name, []);
  return [...sorted.values()];
}

function placeholdersOf(spec: StageSpec): { readonly placeholder: Placeholder; readonly path: string[] }[] {
  return (['run', 'config', 'set', 'args', 'inputs', 'env'] as const).flatMap((key) =>
    placeholdersIn(spec[key]).map((placeholder) => ({ placeholder, path: [key] })),
  );
}

function unknown(what: string, name: string, known: readonly string[]): string {
  const found = nearest(name, known);
  if (found !== undefined) return `unknown ${what} ${name}. Did you mean ${found}?`;
  return `unknown ${what} ${name}. ${known.length === 0 ? 'There are none.' : `Known: ${known.join(', ')}.`}`;
}
