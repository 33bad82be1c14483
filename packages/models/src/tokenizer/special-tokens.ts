import { ToolError } from '@dawngrad/tensor';
import { describeJson, isJsonObject, type JsonObject } from '../io/strict-json.ts';

/** The tokens that tokenizer_config.json gives a role. */
export interface SpecialTokens {
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
  /** Every id with a role, those of additional_special_tokens included. */
  readonly ids: ReadonlySet<number>;
}

const ROLES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const;

/**
 * Reads the roles of tokens from tokenizer_config.json or, where that has none, from special_tokens_map.json. A token is
 * written as text, as an object with its content (AddedToken), or as null for none.
 *
 * @throws ToolError `corrupt` for a token that the tokenizer does not know
 */
export function readSpecialTokens(
  config: JsonObject,
  specialTokensMap: JsonObject,
  idOf: (token: string) => number | undefined,
): SpecialTokens {
  const find = (role: string, token: string | undefined): number | undefined => {
    if (token === undefined) return undefined;
    const id = idOf(token);
    if (id !== undefined) return id;
    throw new ToolError('corrupt', {
      op: 'tokenizer_config.json',
      expected: `a ${role} that tokenizer.json knows`,
      got: JSON.stringify(token),
    });
  };
  const ids = new Set<number>();
  const roles = new Map<string, number>();
  for (const role of ROLES) {
    const token = tokenContent(config[role]) ?? tokenContent(specialTokensMap[role]);
    // GPT-2's config names an unknown token that byte-level vocabularies never use; it need not be there.
    const id = role === 'unk_token' ? idOf(token ?? '') : find(role, token);
    if (id === undefined) continue;
    roles.set(role, id);
    ids.add(id);
  }
  const more = config.additional_special_tokens ?? specialTokensMap.additional_special_tokens;
  for (const item of Array.isArray(more) ? (more as unknown[]) : []) {
    const id = find('token among additional_special_tokens', tokenContent(item));
    if (id !== undefined) ids.add(id);
  }
  const bosId = roles.get('bos_token');
  const eosId = roles.get('eos_token');
  const padId = roles.get('pad_token');
  return {
    ...(bosId === undefined ? {} : { bosId }),
    ...(eosId === undefined ? {} : { eosId }),
    ...(padId === undefined ? {} : { padId }),
    ids,
  };
}

/**
 * tokenizer.json with the added tokens that only tokenizer_config.json (added_tokens_decoder) or added_tokens.json
 * name: transformers adds those when it loads the files.
 *
 * @throws ToolError `corrupt` for entries that are no tokens
 */
export function withConfiguredTokens(json: JsonObject, config: JsonObject, addedTokensFile: JsonObject): JsonObject {
  const listed = json.added_tokens;
  if (!Array.isArray(listed)) return json;
  const known = new Set((listed as unknown[]).map((item) => (isJsonObject(item) ? item.content : undefined)));
  const more: JsonObject[] = [];
  const add = (token: JsonObject): void => {
    if (known.has(token.content)) return;
    known.add(token.content);
    more.push(token);
  };
  const decoder = config.added_tokens_decoder;
  for (const [id, token] of Object.entries(isJsonObject(decoder) ? decoder : {})) {
    if (!isJsonObject(token) || typeof token.content !== 'string') {
      throw new ToolError('corrupt', {
        op: 'tokenizer_config.json',
        expected: 'added_tokens_decoder with a content for each id',
        got: `${describeJson(token)} for ${describeJson(id)}`,
      });
    }
    add({ ...token, id: Number(id) });
  }
  for (const [content, id] of Object.entries(addedTokensFile)) add({ id, content, normalized: false });
  return more.length === 0 ? json : { ...json, added_tokens: [...(listed as unknown[]), ...more] };
}

function tokenContent(value: unknown): string | undefined {
  const content = isJsonObject(value) ? value.content : value;
  return typeof content === 'string' ? content : undefined;
}
