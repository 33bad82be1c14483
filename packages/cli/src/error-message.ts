import { ToolError } from '@dawngrad/tensor';
import { ConfigError } from './config/config-error.ts';
import { ChangedConfigError } from './run/config-changes.ts';
import { StoppedError } from './stopped-error.ts';
import { plainText } from './ui/plain-text.ts';

const MAX_LINES = 5;
const MAX_CHARACTERS = 600;

export interface ErrorMessageOptions {
  /** Whether the stack follows. */
  readonly debug: boolean;
  /** What chooses the folder that the command writes to: `run.dir` unless given. */
  readonly folderOption?: string;
}

/** What to print about an error: at most five lines, except that a configuration's mistakes have a line each. */
export function errorMessage(error: unknown, { debug, folderOption = 'run.dir' }: ErrorMessageOptions): string {
  const text = plainText(describe(error, folderOption));
  const stack = debug && error instanceof Error ? `\n${plainText(error.stack ?? '')}${causes(error)}` : '';
  if (error instanceof ConfigError || error instanceof ChangedConfigError) return `${text}${stack}`;
  const lines = text.split('\n').slice(0, MAX_LINES).join('\n');
  return `${lines.length > MAX_CHARACTERS ? `${lines.slice(0, MAX_CHARACTERS)}...` : lines}${stack}`;
}

function describe(error: unknown, folderOption: string): string {
  if (error instanceof ToolError || error instanceof StoppedError) return error.message;
  if (isSystemError(error)) {
    const what = error.path === undefined ? error.syscall : `${error.syscall} ${error.path}`;
    return `${what}: the system refused (${error.code}).${(ADVICE[error.code] ?? '').replace(FOLDER, folderOption)}`;
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `${text}\nThis is a bug of dawngrad. Hint: run again with --debug for the stack.`;
}

/** In an advice: what chooses the folder. */
const FOLDER = '{folder}';

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: ' Hint: the disk is full; free space or choose another {folder}. The last checkpoint is intact.',
  EDQUOT: ' Hint: your disk quota is used up; free space or choose another {folder}. The last checkpoint is intact.',
  EACCES: ' Hint: check the permissions of the path.',
  EPERM: ' Hint: check the permissions of the path.',
  EROFS: ' Hint: the file system is read-only; choose another {folder}.',
  ENOENT: ' Hint: check the path.',
  EMFILE: ' Hint: too many open files; raise `ulimit -n`.',
};

interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

function causes(error: Error): string {
  return error.cause instanceof Error ? `\nCaused by: ${plainText(error.cause.stack ?? '')}${causes(error.cause)}` : '';
}
