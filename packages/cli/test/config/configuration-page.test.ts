import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../../src/config/fields.ts';
import { REFERENCE_TABLE } from '../../src/config/reference-table.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import { CONFIG_KINDS } from '../../src/config/schema.ts';
import { REFERENCE_NAMES, referenceTargets } from '../../src/config/translate-reference.ts';

const PAGE = new URL('../../../../docs/configuration.md', import.meta.url);
const page = readFileSync(PAGE, 'utf8');

/** The table of names, from the code that translates them. */
function namesTable(): string {
  const rows = [...REFERENCE_NAMES].toSorted().map((name) => `| \`${name}\` | ${answer(name)} |`);
  return ['| reference | here |', '|---|---|', ...rows].join('\n');
}

function answer(name: string): string {
  const entry = Object.hasOwn(REFERENCE_TABLE, name) ? REFERENCE_TABLE[name] : undefined;
  if (entry !== undefined && 'refuse' in entry) return `refused: ${entry.refuse}`;
  const keys = referenceTargets(name).map((key) => `\`${key}\``);
  return keys.length > 0 ? keys.join(', ') : 'accepted where it asks for what happens here, else refused';
}

describe('docs/configuration.md', () => {
  // `UPDATE_DOCS=1` writes the table anew.
  it('has what became of every name of the reference', () => {
    const made = page.replace(
      /(<!-- reference: begin -->\n)[\s\S]*?(<!-- reference: end -->)/,
      (_, begin: string, end: string) => `${begin}\n${namesTable()}\n\n${end}`,
    );
    if (process.env.UPDATE_DOCS === '1') writeFileSync(PAGE, made);
    else expect(made).toBe(page);
  });

  it('names keys that exist', () => {
    const keys = new Set(CONFIG_KINDS.flatMap((kind) => fieldsOf(kind).map(({ key }) => key)));
    const text = page.slice(0, page.indexOf('## Names of the reference code'));
    const named = [...text.matchAll(/`((?:run|data|policy|critic|reward|train)\.[a-z_.]+)(?:=[^`]*)?`/g)];
    expect(named.length).toBeGreaterThan(5);
    for (const [, key = ''] of named) expect(keys, key).toContain(key);
  });

  it('shows a file that is one, up to its parts', () => {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const text = yaml.replace(/^defaults:.*$/m, '');
    const config = resolveConfig('irl', { file: { path: 'shown', text }, needsInputs: false });
    expect(config.run).toMatchObject({ name: 'math_qwen7b_irl', dir: 'outputs/math_qwen7b_irl' });
  });
});
