import { existsSync, readFileSync } from 'node:fs';
import type { TokenSignals } from '@dawngrad/airl';
import type { TraceSignals } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { shortFloat32 } from '../generation/float32-json.ts';
import { LineFile } from '../run/line-file.ts';
import type { TraceRequest } from './trace-text.ts';

/** The scores of traces on disk, a line a trace, so that a stopped run goes on where it was. */
export class ScoreCache {
  readonly #file: LineFile;
  readonly #scores: Map<string, TraceSignals>;

  /** Opens the file, or makes it. Throws ToolError 'corrupt' where it holds something else than scores of the traces. */
  constructor(path: string, traces: readonly TraceRequest[]) {
    const lengths = new Map(traces.map(({ id, completionIds }) => [id, completionIds.length]));
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    // Without its newline a last line was cut short.
    const lines = text.split('\n').slice(0, -1);
    this.#scores = new Map(
      lines.map((line, i) => {
        const { id, ...signals } = parseScores(line, `${path}:${i + 1}`);
        const expected = lengths.get(id);
        if (expected === undefined || Object.values(signals).some(({ length }) => length !== expected)) {
          throw damaged(`${path}:${i + 1}`, 'scores of a trace of this run', `of trace ${JSON.stringify(id)}`);
        }
        return [id, signals];
      }),
    );
    this.#file = new LineFile(path);
    this.#file.truncate(Buffer.byteLength(lines.map((line) => `${line}\n`).join('')));
  }

  get size(): number {
    return this.#scores.size;
  }

  has(id: string): boolean {
    return this.#scores.has(id);
  }

  get(id: string): TraceSignals {
    return this.#scores.get(id)!;
  }

  /** Keeps the scores of some traces. Throws ToolError 'failed' for a score that is no number. */
  add(scored: readonly (readonly [string, TokenSignals])[]): void {
    for (const [id, tokens] of scored) {
      const signals: TraceSignals = {
        critic: finiteValues(id, 'critic score', tokens.critic),
        logp: finiteValues(id, 'log-probability', tokens.logp),
        entropy: finiteValues(id, 'entropy', tokens.entropy),
      };
      this.#file.append({ id, ...signals });
      this.#scores.set(id, signals);
    }
    this.#file.sync();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function finiteValues(id: string, what: string, values: Float32Array): number[] {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new ToolError('failed', {
      op: `trace ${id}`,
      expected: `a finite ${what}`,
      got: `${values[bad]} at token ${bad}`,
    });
  }
  // What is written is what is used, now and after a resume.
  return Array.from(values, shortFloat32);
}

function parseScores(line: string, place: string): TraceSignals & { readonly id: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw damaged(place, 'a JSON object', 'malformed JSON', cause);
  }
  const row = value as Partial<Record<string, unknown>>;
  const isScores = (scores: unknown): boolean => Array.isArray(scores) && scores.every(Number.isFinite);
  if (typeof row?.id === 'string' && isScores(row.critic) && isScores(row.logp) && isScores(row.entropy)) {
    return value as TraceSignals & { readonly id: string };
  }
  throw damaged(place, 'an object of id, critic, logp, entropy', 'something else');
}

function damaged(op: string, expected: string, got: string, cause?: unknown): ToolError {
  return new ToolError('corrupt', { op, expected, got, hint: 'remove the file: the traces are scored again.', cause });
}
