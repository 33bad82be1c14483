/** Advance widths of a TrueType font, in parts of its em square. */
export interface FontMetrics {
  readonly unitsPerEm: number;
  readonly advanceOf: (codePoint: number) => number;
}

/** Reads the tables head, hhea, hmtx and cmap (format 4) of a TrueType file (OpenType specification 1.9). */
export function readFontMetrics(bytes: Uint8Array): FontMetrics {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tables = new Map<string, number>();
  for (let i = 0; i < view.getUint16(4); i++) {
    const record = 12 + 16 * i;
    tables.set(String.fromCharCode(...bytes.subarray(record, record + 4)), view.getUint32(record + 8));
  }
  const at = (name: string): number => {
    const offset = tables.get(name);
    if (offset === undefined) throw new Error(`font without the table ${name}`);
    return offset;
  };
  const metrics = view.getUint16(at('hhea') + 34);
  const hmtx = at('hmtx');
  const glyphOf = glyphMap(view, at('cmap'));
  return {
    unitsPerEm: view.getUint16(at('head') + 18),
    // Glyphs after the last metric all have its width.
    advanceOf: (codePoint) => view.getUint16(hmtx + 4 * Math.min(glyphOf(codePoint), metrics - 1)),
  };
}

/** The glyph of a code point of the basic plane; 0, "not defined", for any other. */
function glyphMap(view: DataView, cmap: number): (codePoint: number) => number {
  const count = view.getUint16(cmap + 2);
  let table: number | undefined;
  for (let i = 0; i < count; i++) {
    const offset = cmap + view.getUint32(cmap + 8 + 8 * i);
    if (view.getUint16(offset) === 4) table = offset;
  }
  if (table === undefined) throw new Error('font without a character map of format 4');
  const base = table;
  const segments = view.getUint16(base + 6) / 2;
  const [ends, starts] = [base + 14, base + 16 + 2 * segments];
  const [deltas, ranges] = [starts + 2 * segments, starts + 4 * segments];
  return (codePoint) => {
    if (codePoint > 0xffff) return 0;
    for (let s = 0; s < segments; s++) {
      if (view.getUint16(ends + 2 * s) < codePoint) continue;
      const start = view.getUint16(starts + 2 * s);
      if (start > codePoint) return 0;
      const delta = view.getUint16(deltas + 2 * s);
      const range = view.getUint16(ranges + 2 * s);
      if (range === 0) return (codePoint + delta) & 0xffff;
      const glyph = view.getUint16(ranges + 2 * s + range + 2 * (codePoint - start));
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
    }
    return 0;
  };
}
