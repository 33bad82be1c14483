/**
 * Where each token's text starts in the decoded whole, in UTF-16 units, with the length as last entry (n + 1 numbers,
 * not decreasing).
 *
 * Decoders depend on their neighbours (a leading space is stripped, a character is spread over several tokens), so
 * tokens are not decoded alone: each is decoded after the tokens of the last complete piece, and what it adds is its
 * text. That is the windowed detokenisation of streaming servers, linear in the number of tokens. A character that is
 * not complete yet shows as one U+FFFD at the end and is counted to the token that completes it.
 */
export function charOffsets(ids: readonly number[], decode: (ids: readonly number[]) => string): number[] {
  const total = decode(ids).length;
  const starts: number[] = [0];
  let windowBegin = 0;
  let contextEnd = 0;
  // Length of the decoded ids[windowBegin, contextEnd), and where that text ends in the whole.
  let contextLength = 0;
  let contextAt = 0;
  for (let i = 0; i < ids.length; i++) {
    const text = decode(ids.slice(windowBegin, i + 1));
    const isPartial = text.endsWith('\ufffd');
    const stableLength = text.length - (isPartial ? 1 : 0);
    const at = contextAt + Math.max(0, stableLength - contextLength);
    starts.push(Math.min(total, Math.max(starts[i]!, at)));
    if (!isPartial) {
      windowBegin = contextEnd;
      contextEnd = i + 1;
      contextLength = decode(ids.slice(windowBegin, contextEnd)).length;
      contextAt = at;
    }
  }
  starts[ids.length] = total;
  return starts;
}
