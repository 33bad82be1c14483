import { type ErrorCode, ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { errorMessage } from '../src/error-message.ts';
import { exitCodeOf } from '../src/exit-code.ts';
import { StoppedError } from '../src/stopped-error.ts';

const tool = (code: ErrorCode, got = 'b'): ToolError => new ToolError(code, { op: 'op', expected: 'a', got });
const quiet = { debug: false };

describe('exitCodeOf', () => {
  it.each<[ErrorCode, number]>([
    ['usage', 2],
    ['config', 3],
    ['corrupt', 4],
    ['lost', 75],
    ['shape', 1],
    ['limit', 1],
    ['device', 1],
    ['no-adapter', 1],
    ['io', 1],
    ['failed', 1],
  ])('is for %s %i', (code, exitCode) => {
    expect(exitCodeOf(tool(code))).toBe(exitCode);
  });

  it('is that of the signal for a command that was stopped, with its own words', () => {
    const error = new StoppedError('SIGINT: stopped.', 130);
    expect([exitCodeOf(error), errorMessage(error, quiet)]).toEqual([130, 'SIGINT: stopped.']);
  });

  it('is 1 for an error that nobody foresaw', () => {
    expect(exitCodeOf(new TypeError('x'))).toBe(1);
    expect(exitCodeOf('text')).toBe(1);
  });
});

describe('errorMessage', () => {
  it('is the message of a ToolError, without its stack', () => {
    expect(errorMessage(tool('config'), quiet)).toBe('op: expected a, got b.');
  });

  it('has at most five lines and no control characters', () => {
    const message = errorMessage(tool('corrupt', `\u001b[31mred\u0007\u202e${'\nline'.repeat(20)}`), quiet);
    expect(message.split('\n')).toHaveLength(5);
    expect(message).toMatch(/^op: expected a, got \[31mred\nline/);
  });

  it('says what the system refused and what helps', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    expect(errorMessage(full, quiet)).toMatch(
      /^write: the system refused \(ENOSPC\)\. Hint: the disk is full; free space or choose another run\.dir\./,
    );
    expect(errorMessage(full, { debug: false, folderOption: '--dir' })).toContain('choose another --dir.');
  });

  it('calls anything else a bug and points to --debug', () => {
    expect(errorMessage(new TypeError('x is not y'), quiet)).toBe(
      'TypeError: x is not y\nThis is a bug of dawngrad. Hint: run again with --debug for the stack.',
    );
  });

  it('shows stacks with --debug, also of the cause', () => {
    const cause = new RangeError('deep');
    const error = new ToolError('io', { op: 'save', expected: 'a', got: 'b', cause });
    expect(errorMessage(error, { debug: true })).toMatch(/error-message\.test\.ts[\s\S]*Caused by: RangeError: deep/);
  });
});
