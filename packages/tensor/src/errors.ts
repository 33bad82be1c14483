/** What went wrong, in a form that decides the exit code of a program. */
export type ErrorCode =
  | 'usage' // the caller named something that does not exist                     exit 2
  | 'config' // a configuration value or a data row is invalid                    exit 3
  | 'shape' // operands do not fit an op                                          exit 1
  | 'corrupt' // a file is damaged or lies about itself                           exit 4
  | 'limit' // a request is over a limit of the device or the memory budget       exit 1
  | 'device' // the device rejected or mis-executed work: our bug or the driver's exit 1
  | 'no-adapter' // no usable GPU adapter                                         exit 1
  | 'lost' // the device is gone; a supervisor may restart                        exit 75
  | 'io' // the file system refused                                               exit 1
  | 'failed'; // the run itself failed (diverged, no data left, ...)              exit 1

/** What a ToolError says, part by part. */
export interface ErrorDetail {
  /** The op, file or command that noticed. */
  readonly op: string;
  readonly expected: string;
  readonly got: string;
  /** What the user can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The one error type of dawngrad. The message reads
 * `op: expected X, got Y. Hint: Z`.
 */
export class ToolError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, detail: ErrorDetail) {
    const hint = detail.hint === undefined ? '' : ` Hint: ${detail.hint}`;
    super(`${detail.op}: expected ${detail.expected}, got ${detail.got}.${hint}`, { cause: detail.cause });
    this.name = 'ToolError';
    this.code = code;
    this.detail = detail;
  }
}
