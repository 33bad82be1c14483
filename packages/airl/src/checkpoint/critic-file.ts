import { type ModelFiles, parseStrictJsonObject } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import { CRITIC_KINDS, type Critic, type CriticKind } from '../critic/critic.ts';
import type { CriticLossName } from '../critic/objectives/table.ts';
import { CRITIC_POOLINGS, type CriticPooling } from '../critic/pooling.ts';
import { ShapedHead, type Shaping } from '../critic/shaped-head.ts';
import { isName } from '../registry.ts';
import { GRANULARITIES, type Granularity } from '../segment/marks.ts';

/** What a critic is and how it was trained, beside its weights. */
export const CRITIC_FILE = 'critic.json';
const CAP_BYTES = 1 << 16;

/** How a critic is trained: its scores mean something only where it is read in the same way. */
export interface CriticTraining {
  readonly loss: CriticLossName;
  readonly granularity: Granularity;
  /** Of granularity `interval`. */
  readonly intervalTokens?: number;
}

/** The content of `critic.json`. */
export interface CriticFile extends CriticTraining {
  readonly schema: 1;
  readonly kind: CriticKind;
  /** How the value of a segment is made of its tokens; absent: `last`. */
  readonly pooling?: CriticPooling;
  /** Of kind `shaped`. */
  readonly shaping?: Shaping;
  /** SHA-256 of the tokens by id; absent where the run knew no tokenizer. */
  readonly tokenizer?: string;
}

export function criticFileOf(
  { head, kind, pooling }: Critic,
  training: CriticTraining,
  tokenizer: string | undefined,
): CriticFile {
  const { loss, granularity, intervalTokens } = training;
  return {
    schema: 1,
    kind,
    loss,
    granularity,
    ...(granularity === 'interval' && intervalTokens !== undefined ? { intervalTokens } : {}),
    ...(pooling === 'last' ? {} : { pooling }),
    ...(head instanceof ShapedHead ? { shaping: head.shaping } : {}),
    ...(tokenizer === undefined ? {} : { tokenizer }),
  };
}

/**
 * What a folder says of its critic; undefined where it says nothing: a model that was no critic before, or one of an older
 * version, which is a plain one. Throws ToolError 'corrupt'.
 */
export async function readCriticFile(files: ModelFiles): Promise<CriticFile | undefined> {
  if (!(await files.list()).includes(CRITIC_FILE)) return undefined;
  const text = await files.readText(CRITIC_FILE, CAP_BYTES);
  const json = parseStrictJsonObject(CRITIC_FILE, text, { maxDepth: 4, maxKeys: 100 }) as Partial<CriticFile>;
  const { schema, kind, loss, granularity, intervalTokens, pooling, shaping, tokenizer } = json;
  if (schema !== 1) throw corrupt('schema 1', schema);
  if (!CRITIC_KINDS.includes(kind as CriticKind)) throw corrupt(`kind ${CRITIC_KINDS.join(' or ')}`, kind);
  // A loss from a plugin need not be there: what reads a critic does not train it.
  if (!(typeof loss === 'string' && isName(loss))) throw corrupt('the name of a loss', loss);
  if (!GRANULARITIES.includes(granularity as Granularity)) {
    throw corrupt(`granularity ${GRANULARITIES.join(' or ')}`, granularity);
  }
  if (intervalTokens !== undefined && !(Number.isInteger(intervalTokens) && intervalTokens >= 1)) {
    throw corrupt('intervalTokens of at least 1', intervalTokens);
  }
  if (pooling !== undefined && !CRITIC_POOLINGS.includes(pooling)) {
    throw corrupt(`pooling ${CRITIC_POOLINGS.join(' or ')}`, pooling);
  }
  if (pooling === 'mean' && kind === 'shaped') throw corrupt('pooling last of a shaped critic', pooling);
  const isShaping = typeof shaping?.gamma === 'number' && (shaping.clamp === null || typeof shaping.clamp === 'number');
  if ((kind === 'shaped') !== isShaping) throw corrupt('shaping of a shaped critic, and of no other', shaping);
  if (tokenizer !== undefined && !/^[0-9a-f]{64}$/.test(String(tokenizer))) throw corrupt('a SHA-256', tokenizer);
  return json as CriticFile;
}

function corrupt(expected: string, got: unknown): ToolError {
  return new ToolError('corrupt', { op: CRITIC_FILE, expected, got: JSON.stringify(got) ?? 'nothing' });
}
