import { type Shape, ToolError } from '@dawngrad/tensor';
import { compileNamePattern, type NamePattern } from '../peft/name-pattern.ts';

/** Which linears get an adapter and how large; the fields of PEFT's LoraConfig. */
export interface LoraShape {
  readonly rank: number;
  /** The update is scaled by alpha / rank. */
  readonly alpha: number;
  /** Scaled by alpha / sqrt(rank) instead (Kalajdzievski, "A Rank Stabilization Scaling Factor", 2023). Default false. */
  readonly rsLora?: boolean;
  /**
   * Names of linears or their last parts, such as `q_proj`; or a regular expression for whole names; or `all-linear`
   * for all but the output matrix.
   */
  readonly targets: readonly string[] | string;
  /** What is left out all the same: a list as in `targets`, or a regular expression for whole names. */
  readonly exclude?: readonly string[] | string;
  /** Ranks of linears whose names end as the key, a regular expression, says; the first that fits counts. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Only these layers, where `targets` is a list of last parts. */
  readonly layers?: readonly number[];
  /** The part of a name before the number of the layer, such as `layers`. Default: the first number in it. */
  readonly layersPattern?: readonly string[];
  /** Modules that are trained whole, and so have no adapter: names or their last parts. */
  readonly modulesToSave?: readonly string[];
}

/** The adapter of one linear. */
export interface LoraPlace {
  readonly rank: number;
  /** What B A is multiplied by. */
  readonly scale: number;
}

const OUTPUT_LINEAR = 'lm_head';

/**
 * The linears that get an adapter, in the order of `linears`, by the rules of PEFT 0.21
 * (`check_target_module_exists` and `get_pattern_key`). None at all, or a rank that is none: ToolError 'config'.
 *
 * @param linears names (without `.weight`) and weight shapes [out, in]
 * @param place what messages name: a file or an option
 */
export function placeAdapters(
  linears: ReadonlyMap<string, Shape>,
  shape: LoraShape,
  place = 'lora',
): ReadonlyMap<string, LoraPlace> {
  const targeted = targetRule(shape, place);
  const excluded = listOrPattern(shape.exclude ?? [], place);
  const saved = shape.modulesToSave ?? [];
  const rankOf = patternRule(shape.rankPattern ?? {}, shape.rank, place);
  const alphaOf = patternRule(shape.alphaPattern ?? {}, shape.alpha, place);
  const places = new Map<string, LoraPlace>();
  for (const name of linears.keys()) {
    if (!targeted(name) || excluded(name) || saved.some((module) => holdsModule(name, module))) continue;
    const [rank, alpha] = [rankOf(name), alphaOf(name)];
    places.set(name, { rank, scale: alpha / (shape.rsLora === true ? Math.sqrt(rank) : rank) });
  }
  const isSound = [...places.values()].every(
    ({ rank, scale }) => Number.isInteger(rank) && rank >= 1 && Number.isFinite(scale),
  );
  if (places.size > 0 && isSound) return places;
  throw new ToolError('config', {
    op: place,
    expected: `a rank of at least 1 and targets among ${[...new Set([...linears.keys()].map((name) => name.split('.').pop()))].join(', ')}`,
    got: `rank ${shape.rank}, targets ${typeof shape.targets === 'string' ? shape.targets : shape.targets.join(', ') || 'none'}`,
  });
}

function targetRule({ targets, layers, layersPattern = [] }: LoraShape, place: string): (name: string) => boolean {
  if (typeof targets === 'string') {
    if (targets.toLowerCase() === 'all-linear') return (name) => name !== OUTPUT_LINEAR;
    const pattern = compileNamePattern(place, targets);
    return (name) => pattern.matches(name);
  }
  return (name) => {
    // A whole name counts in whichever layer it is.
    if (targets.includes(name)) return true;
    if (!targets.some((target) => name.endsWith(`.${target}`))) return false;
    if (layers === undefined || layers.length === 0) return true;
    const layer = layerOf(name, layersPattern);
    return layer !== undefined && layers.includes(layer);
  };
}

/** The first number in a name, or the first that follows one of `patterns`. */
function layerOf(name: string, patterns: readonly string[]): number | undefined {
  const parts = name.split('.');
  const at = parts.findIndex((part, i) => {
    if (!/^\d+$/.test(part) || i === parts.length - 1) return false;
    return patterns.length === 0 ? i >= 2 : patterns.some((pattern) => parts.slice(0, i).join('.').endsWith(pattern));
  });
  return at < 0 ? undefined : Number(parts[at]);
}

function listOrPattern(rule: readonly string[] | string, place: string): (name: string) => boolean {
  if (typeof rule === 'string') {
    if (rule === '') return () => false;
    const pattern = compileNamePattern(place, rule);
    return (name) => pattern.matches(name);
  }
  return (name) => rule.some((item) => name === item || name.endsWith(`.${item}`));
}

function patternRule(
  values: Readonly<Record<string, number>>,
  fallback: number,
  place: string,
): (name: string) => number {
  const rules = Object.entries(values).map(([key, value]): readonly [NamePattern, number] => [
    compileNamePattern(place, `(.*\\.)?(${key})`),
    value,
  ]);
  return (name) => rules.find(([pattern]) => pattern.matches(name))?.[1] ?? fallback;
}

/** Whether `module`, one part of a name or several, occurs in `name` between points. */
function holdsModule(name: string, module: string): boolean {
  return `.${name}.`.includes(`.${module}.`);
}
