import { isList, isMap, isText, isUndefined, type JinjaValue } from './jinja.ts';

/** Whether Python's `==` holds; the library compares with JavaScript's, for which '' == false and [] != []. */
export function pythonEquals(left: JinjaValue, right: JinjaValue): boolean {
  const [a, b] = [asNumber(left), asNumber(right)];
  if (a !== undefined || b !== undefined) return a === b;
  if (isList(left) && isList(right)) {
    return (
      left.value.length === right.value.length && left.value.every((item, i) => pythonEquals(item, right.value[i]!))
    );
  }
  if (isMap(left) && isMap(right)) {
    if (left.value.size !== right.value.size) return false;
    return [...left.value].every(([key, item]) => {
      const other = right.value.get(key);
      return other !== undefined && pythonEquals(item, other);
    });
  }
  return left.type === right.type && left.value === right.value;
}

function asNumber({ type, value }: JinjaValue): number | undefined {
  return type === 'IntegerValue' || type === 'FloatValue' || type === 'BooleanValue' ? Number(value) : undefined;
}

/** The text that Python's `str` gives, which is what `{{ value }}` prints. */
export function pythonText(value: JinjaValue): string {
  if (isText(value)) return value.value;
  return isUndefined(value) ? '' : pythonRepr(value);
}

function pythonRepr(value: JinjaValue): string {
  if (isText(value)) return quoted(value.value);
  if (isList(value)) {
    const items = value.value.map(pythonRepr).join(', ');
    if (value.type !== 'TupleValue') return `[${items}]`;
    return value.value.length === 1 ? `(${items},)` : `(${items})`;
  }
  if (isMap(value))
    return `{${[...value.value].map(([key, item]) => `${quoted(key)}: ${pythonRepr(item)}`).join(', ')}}`;
  if (value.type === 'BooleanValue') return value.value === true ? 'True' : 'False';
  if (value.type === 'NullValue') return 'None';
  if (isUndefined(value)) return 'Undefined';
  if (value.type === 'NamespaceValue' || value.type === 'FunctionValue') return `<${value.type}>`;
  // Numbers; the library writes 1.0 for a float without a fraction, as Python does.
  return String(value);
}

/** Python prefers single quotes and escapes what does not print; only the common cases are told apart. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(quote, `\\${quote}`);
  return `${quote}${escaped}${quote}`;
}
