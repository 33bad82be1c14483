/** A failure whose message says everything that the user needs: it is printed without a stack. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode] exit code of the command
   * @param {ErrorOptions} [options]
   */
  constructor(message, exitCode = 1, options = {}) {
    super(message, options);
    this.name = 'SetupError';
    this.exitCode = exitCode;
  }
}
