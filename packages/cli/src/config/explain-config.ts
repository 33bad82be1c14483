import { stringify } from 'yaml';
import { fieldsOf } from './fields.ts';
import { valueAt } from './plain-object.ts';
import type { ResolvedConfig } from './resolve-config.ts';
import { type ConfigKind, kindTitle } from './schema.ts';
import { referenceNamesOf } from './translate-reference.ts';

/** A key of a configuration, its value and why it has it. */
export interface ExplainedField {
  readonly key: string;
  readonly value: unknown;
  /** `default`, `file:line`, or the override as typed. */
  readonly from: string;
  /** The name of the reference code that it was written under. */
  readonly writtenAs?: string;
  /** The names that the reference code has for it. */
  readonly reference: readonly string[];
  /** Whether a run may be resumed with another value. */
  readonly safe: boolean;
}

/** Every key of a configuration with the origin of its value, in the order of the schema. */
export function explainConfig<Kind extends ConfigKind>(
  kind: Kind,
  { config, originOf }: ResolvedConfig<Kind>,
): ExplainedField[] {
  return fieldsOf(kind).map(({ key, safe }) => {
    const origin = originOf(key);
    return {
      key,
      value: valueAt(config, key.split('.')),
      from: origin?.place ?? 'default',
      ...(origin?.reference === undefined ? {} : { writtenAs: origin.reference }),
      reference: referenceNamesOf(key),
      safe,
    };
  });
}

/** As YAML that can be run again, the origin of each value behind it. */
export function explainText(kind: ConfigKind, fields: readonly ExplainedField[]): string {
  const lines: { text: string; note: string }[] = [];
  let open: readonly string[] = [];
  for (const { key, value, from, writtenAs, reference } of fields) {
    const path = key.split('.');
    const sections = path.slice(0, -1);
    const shared = sections.findIndex((name, i) => name !== open[i]);
    for (const [i, name] of sections.entries()) {
      if (shared >= 0 && i >= shared) lines.push({ text: `${'  '.repeat(i)}${name}:`, note: '' });
    }
    open = sections;
    const shown = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
    const written = writtenAs === undefined || from.includes(`${writtenAs}=`) ? '' : ` as ${writtenAs}`;
    const names = reference.length === 0 ? '' : `; reference: ${reference.join(', ')}`;
    lines.push({
      text: `${'  '.repeat(sections.length)}${path.at(-1)}: ${shown}`,
      note: `  # ${from}${written}${names}`,
    });
  }
  const width = Math.min(48, Math.max(...lines.map(({ text }) => text.length)));
  const body = lines.map(({ text, note }) => (note === '' ? text : `${text.padEnd(width)}${note}`));
  return `${[`# ${kindTitle(kind)}`, ...body].join('\n')}\n`;
}
