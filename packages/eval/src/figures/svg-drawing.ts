import { drawableText } from './drawable-text.ts';
import { TEXT } from './palette.ts';

export interface TextLook {
  readonly size: number;
  readonly colour?: string;
  readonly isBold?: boolean;
  readonly isMono?: boolean;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly isUnderlined?: boolean;
  /** Degrees around the point. */
  readonly angle?: number;
}

/** An SVG of simple shapes: numbers have two decimals, text is escaped, nothing depends on the machine. */
export class SvgDrawing {
  readonly #parts: string[] = [];

  rect(x: number, y: number, width: number, height: number, fill: string, stroke?: string): void {
    const edge = stroke === undefined ? '' : ` stroke="${stroke}" stroke-width="0.6"`;
    this.#parts.push(`<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" fill="${fill}"${edge}/>`);
  }

  line(from: readonly [number, number], to: readonly [number, number], stroke: string, width = 1, dash?: string): void {
    const dashed = dash === undefined ? '' : ` stroke-dasharray="${dash}"`;
    this.#parts.push(
      `<line x1="${n(from[0])}" y1="${n(from[1])}" x2="${n(to[0])}" y2="${n(to[1])}" stroke="${stroke}" ` +
        `stroke-width="${n(width)}"${dashed}/>`,
    );
  }

  polyline(points: readonly (readonly [number, number])[], stroke: string, width: number, dash?: string): void {
    const dashed = dash === undefined ? '' : ` stroke-dasharray="${dash}"`;
    this.#parts.push(
      `<polyline points="${points.map(([x, y]) => `${n(x)},${n(y)}`).join(' ')}" fill="none" stroke="${stroke}" ` +
        `stroke-width="${n(width)}" stroke-linejoin="round"${dashed}/>`,
    );
  }

  path(d: string, stroke: string, width: number, fill = 'none'): void {
    this.#parts.push(`<path d="${d}" fill="${fill}" stroke="${stroke}" stroke-width="${n(width)}"/>`);
  }

  circle(x: number, y: number, radius: number, fill: string, stroke: string): void {
    this.#parts.push(
      `<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius)}" fill="${fill}" stroke="${stroke}" stroke-width="1"/>`,
    );
  }

  text(x: number, y: number, text: string, look: TextLook): void {
    const { size, colour = TEXT, isBold = false, isMono = false, anchor = 'start', isUnderlined = false, angle } = look;
    this.#parts.push(
      `<text x="${n(x)}" y="${n(y)}" font-family="DejaVu Sans${isMono ? ' Mono' : ''}" font-size="${n(size)}" ` +
        `fill="${colour}"${isBold ? ' font-weight="bold"' : ''}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}` +
        `${isUnderlined ? ' text-decoration="underline"' : ''}` +
        `${angle === undefined ? '' : ` transform="rotate(${n(angle)} ${n(x)} ${n(y)})"`}` +
        ` xml:space="preserve">${escaped(text)}</text>`,
    );
  }

  toString(width: number, height: number): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${n(width)}" height="${n(height)}" ` +
        `viewBox="0 0 ${n(width)} ${n(height)}">`,
      `<rect width="100%" height="100%" fill="#ffffff"/>`,
      ...this.#parts,
      '</svg>\n',
    ].join('\n');
  }
}

/** A number of a drawing: two decimals at most. */
export function n(value: number): string {
  return String(Math.round(value * 100) / 100 + 0);
}

function escaped(text: string): string {
  return drawableText(text).replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
