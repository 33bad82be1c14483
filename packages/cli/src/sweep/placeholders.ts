/** A name that a sweep file stands for something by: `${axes.model}`, `${stages.sft.run}`, `${inputs.critic.run}`. */
export interface Placeholder {
  readonly space: 'axes' | 'stages' | 'inputs' | 'here' | 'sweep';
  readonly name: string;
  /** `run`, `out` or `folder` of a stage. */
  readonly part: string | undefined;
}

/** Everything else in `${}` is left to the configuration that it goes to. */
const PLACEHOLDER =
  /\$\{(?<space>axes|stages|inputs|here|sweep)(?:\.(?<name>[A-Za-z][\w-]*))(?:\.(?<part>[A-Za-z][\w-]*))?\}/g;
const WHOLE = new RegExp(`^${PLACEHOLDER.source}$`);

/** The placeholders in the texts of a value, at any depth. */
export function placeholdersIn(value: unknown): Placeholder[] {
  if (typeof value === 'string') return [...value.matchAll(PLACEHOLDER)].map(({ groups }) => placeholderOf(groups));
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(placeholdersIn);
}

/** Puts values in their place, at any depth; a text that is nothing but a placeholder takes the value's type. */
export function fillPlaceholders(value: unknown, lookup: (placeholder: Placeholder) => unknown): unknown {
  if (typeof value === 'string') {
    const whole = WHOLE.exec(value)?.groups;
    if (whole !== undefined) return lookup(placeholderOf(whole));
    return value.replace(PLACEHOLDER, (...match) => String(lookup(placeholderOf(match.at(-1)))));
  }
  if (Array.isArray(value)) return value.map((item) => fillPlaceholders(item, lookup));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillPlaceholders(item, lookup)]));
}

function placeholderOf(groups: Readonly<Record<string, string | undefined>> | undefined): Placeholder {
  const { space, name, part } = groups as { space: Placeholder['space']; name: string; part: string | undefined };
  return { space, name, part };
}
