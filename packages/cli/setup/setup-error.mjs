/** A failure whose message says everything that the user needs: it is printed without a stack. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode] exit code of the command
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'SetupError';
    this.exitCode = exitCode;
  }
}
