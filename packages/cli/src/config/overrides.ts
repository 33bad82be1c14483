import { ToolError } from '@dawngrad/tensor';
import type { ConfigFault } from './config-error.ts';
import { type Setting, UNSET } from './setting.ts';
import { parseYaml } from './yaml-text.ts';

export interface ParsedOverrides {
  readonly settings: readonly Setting[];
  readonly faults: readonly ConfigFault[];
}

/**
 * A key, after what Hydra's command lines put before it: `+` (add), `++` (add or change) and `~` (take away). Unknown
 * keys are refused anyway, so the first two mean nothing more than no sign.
 */
const OVERRIDE = /^(?<sign>\+{0,2}|~)(?<key>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)(?:=(?<text>.*))?$/s;

/**
 * Parses `section.key=value`; the value is YAML, so `1e-5`, `true`, `null` and `[1, 2]` mean what they
 * mean in a file. `+section.key=value` and `++section.key=value` are the same; `~section.key` takes back what files
 * say, which leaves the default. Throws ToolError 'usage' for a text of another form.
 */
export function parseOverrides(texts: readonly string[], layer: number): ParsedOverrides {
  const settings: Setting[] = [];
  const faults: ConfigFault[] = [];
  for (const text of texts) {
    const { sign, key, text: value } = OVERRIDE.exec(text)?.groups ?? {};
    if (key === undefined || (value === undefined && sign !== '~')) {
      throw new ToolError('usage', {
        op: 'arguments',
        expected: 'section.key=value',
        got: JSON.stringify(text),
        hint: '`dawngrad config show` lists the keys.',
      });
    }
    const path = key.split('.');
    const origin = { place: text, layer };
    if (sign === '~') {
      settings.push({ path, value: UNSET, origin });
      continue;
    }
    const parsed = parseYaml(value as string, text);
    if (parsed.faults.length > 0) {
      faults.push(...parsed.faults.map(({ message }) => ({ place: text, key, message })));
    } else {
      settings.push({ path, value: parsed.value, origin });
    }
  }
  return { settings, faults };
}
