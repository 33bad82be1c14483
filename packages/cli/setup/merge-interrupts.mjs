const MERGED = ['SIGINT', 'SIGTERM'];

/**
 * Lets handlers see one Ctrl-C once. It comes several times, from the terminal, from the launcher and from npm, while
 * a second press means "stop at once". So does a SIGTERM that a scheduler sends to every process of a job.
 *
 * @param {number} [windowMs] signals that follow each other within it are one
 */
export function mergeInterrupts(windowMs = 250) {
  const emit = process.emit.bind(process);
  /** @type {Map<string, number>} */
  const last = new Map();
  /** @type {(event: string, ...rest: unknown[]) => boolean} */
  const merged = (event, ...rest) => {
    if (MERGED.includes(event)) {
      const now = performance.now();
      if (now - (last.get(event) ?? Number.NEGATIVE_INFINITY) < windowMs) return true;
      last.set(event, now);
    }
    return Reflect.apply(emit, process, [event, ...rest]);
  };
  process.emit = /** @type {typeof process.emit} */ (merged);
}
