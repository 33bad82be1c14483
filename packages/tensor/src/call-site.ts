/** Frames of a stack trace to look through: an op is a few calls away from the code that applies it. */
const FRAMES = 40;

/**
 * The frame of the code that applied an op, as `at name (file:line:column)`: the first one outside the folders
 * of this package and of the one that `applyOp` stands in. In a bundle, where these are one file with the rest,
 * the caller of the function that called `applyOp`.
 */
export function callSite(): string | undefined {
  const errors = Error as { stackTraceLimit?: number };
  const limit = errors.stackTraceLimit;
  errors.stackTraceLimit = FRAMES;
  const stack = new Error().stack ?? '';
  if (limit !== undefined) errors.stackTraceLimit = limit;
  const lines = stack.split('\n').map((line) => line.trim());
  const applied = lines.findLastIndex((line) => /\bapplyOp\b/.test(line));
  const after = lines.slice(applied + 1);
  const outside = after.find((line) => !/\/(tensor|autograd)\/(src|dist)\//.test(line));
  return outside ?? after[1] ?? after[0];
}
