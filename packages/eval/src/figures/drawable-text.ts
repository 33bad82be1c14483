/** Text for a drawing: what XML does not allow, or what would move other text, becomes a visible placeholder. */
export function drawableText(text: string): string {
  // \p{Cs} are surrogates without their other half.
  return text.replace(/(?![\n\t])\p{Cc}|\p{Cs}|[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, '\ufffd');
}
