const WRAPPERS = [
  ['\\boxed{', '}'],
  ['\\fbox{', '}'],
  ['\\text{', '}'],
  ['\\textbf{', '}'],
  ['\\mathrm{', '}'],
  ['\\(', '\\)'],
  ['\\[', '\\]'],
  ['**', '**'],
  ['$$', '$$'],
  ['$', '$'],
] as const;

const MAX_DEPTH = 6;

/**
 * The text without wrappers around the whole of it (`\boxed{...}`, `\text{...}`, `$...$`, `\(...\)`,
 * `**...**`) and without a closing dot, white space collapsed. For texts of bounded length.
 */
export function unwrap(text: string): string {
  let inner = text.trim().replace(/\s+/g, ' ');
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const before = inner;
    if (inner.endsWith('.')) inner = inner.slice(0, -1).trimEnd();
    for (const [open, close] of WRAPPERS) {
      const body = inner.slice(open.length, -close.length);
      const wraps = inner.length > open.length + close.length && inner.startsWith(open) && inner.endsWith(close);
      if (wraps && (close !== '}' || isBalanced(body))) inner = body.trim();
    }
    if (inner === before) break;
  }
  return inner;
}

/** Whether braces close only what they opened, so that the wrapper's last brace is its own. */
function isBalanced(body: string): boolean {
  let depth = 0;
  for (let i = 0; i < body.length; i++) {
    const char = body[i];
    if (char === '\\') i++;
    else if (char === '{') depth++;
    else if (char === '}' && --depth < 0) return false;
  }
  return depth === 0;
}
