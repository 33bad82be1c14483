/** A command that a signal ended in the middle of something that has no result yet. */
export class StoppedError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.name = 'StoppedError';
    this.exitCode = exitCode;
  }
}
