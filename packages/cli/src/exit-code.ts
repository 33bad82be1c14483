import { type ErrorCode, ToolError } from '@dawngrad/tensor';
import { StoppedError } from './stopped-error.ts';

/** Exit codes that scripts can rely on; 130 and 143 are those of `StopRequest`. */
const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  config: 3,
  corrupt: 4,
  lost: 75,
  shape: 1,
  limit: 1,
  device: 1,
  'no-adapter': 1,
  io: 1,
  failed: 1,
};

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof StoppedError) return error.exitCode;
  return error instanceof ToolError ? EXIT_CODES[error.code] : 1;
}
