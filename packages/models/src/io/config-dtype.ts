import type { StoredDType } from '../config/decoder-config.ts';

/**
 * The text of a config.json with the element type of its weights set; every other character stays, since another
 * writer would spell numbers another way (500000.0 as 500000, which strict readers take for an integer). A file that
 * names no type, as `torch_dtype` or since transformers 5 `dtype`, keeps naming none.
 */
export function withConfigDType(text: string, dtype: StoredDType): string {
  const value = /\s*:\s*("(?:[^"\\]|\\.)*"|null)/y;
  let out = '';
  let copied = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    if (char !== '"') continue;
    const start = i;
    for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
    const key = text.slice(start + 1, i);
    if (depth !== 1 || (key !== 'torch_dtype' && key !== 'dtype')) continue;
    value.lastIndex = i + 1;
    const found = value.exec(text);
    if (found === null) continue;
    out += `${text.slice(copied, value.lastIndex - found[1]!.length)}"${dtype}"`;
    copied = value.lastIndex;
    i = value.lastIndex - 1;
  }
  return out + text.slice(copied);
}
