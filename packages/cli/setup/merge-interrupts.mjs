/**
 * Lets handlers see one Ctrl-C once. It comes several times, from the terminal, from the launcher and from npm, while
 * a second press means "stop at once".
 *
 * @param {number} [windowMs] signals that follow each other within it are one
 */
export function mergeInterrupts(windowMs = 250) {
  const emit = process.emit.bind(process);
  let last = Number.NEGATIVE_INFINITY;
  /** @type {(event: string, ...rest: unknown[]) => boolean} */
  const merged = (event, ...rest) => {
    if (event === 'SIGINT') {
      const now = performance.now();
      if (now - last < windowMs) return true;
      last = now;
    }
    return Reflect.apply(emit, process, [event, ...rest]);
  };
  process.emit = /** @type {typeof process.emit} */ (merged);
}
