/** Where output goes to a file or a pipe. */
const DEFAULT_WIDTH = 120;

/** Cells of a line of output: the terminal's, or 120 where there is none. */
export function terminalWidth(): number {
  return process.stdout.columns ?? DEFAULT_WIDTH;
}
