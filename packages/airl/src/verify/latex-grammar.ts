const TOKEN = /\\[A-Za-z]+|\d+(?:\.\d+)?|\.\d+|[A-Za-z]|[-+*/^(){}[\]]|\S/g;

const FUNCTIONS = new Set(['\\sin', '\\cos', '\\tan', '\\ln']);
const CONSTANTS = new Set(
  ['pi', 'infty', 'alpha', 'beta', 'gamma', 'theta', 'lambda', 'mu', 'phi', 'omega'].map((name) => `\\${name}`),
);
const SIGNS = new Set(['+', '-']);
const TIMES = new Set(['*', '/', '\\times', '\\div']);

export interface GrammarLimits {
  readonly tokens: number;
  /** Brackets, groups and functions within each other. */
  readonly depth: number;
}

/**
 * Whether a text is one complete expression: sums, products (also of neighbours), quotients, powers,
 * `\frac`, `\sqrt`, sine, cosine, tangent, logarithm, numbers, letters and some constants. Linear in the text.
 */
export function isExpression(latex: string, limits: GrammarLimits): boolean {
  const tokens = latex.match(TOKEN) ?? [];
  if (tokens.length > limits.tokens) return false;
  const reader = new ExpressionReader(tokens, limits.depth);
  return reader.sum() && reader.atEnd;
}

/** Recursive descent; every method passes over what it names, or returns false. */
class ExpressionReader {
  private readonly tokens: readonly string[];
  private at = 0;
  private depthLeft: number;

  constructor(tokens: readonly string[], depth: number) {
    this.tokens = tokens;
    this.depthLeft = depth;
  }

  get atEnd(): boolean {
    return this.at === this.tokens.length;
  }

  sum(): boolean {
    if (SIGNS.has(this.next)) this.at++;
    if (!this.product()) return false;
    while (SIGNS.has(this.next)) {
      this.at++;
      if (!this.product()) return false;
    }
    return true;
  }

  private product(): boolean {
    if (!this.power()) return false;
    for (;;) {
      if (TIMES.has(this.next)) {
        this.at++;
        // "2 \times -3"
        if (this.next === '-') this.at++;
      } else if (!this.startsAtom()) return true;
      if (!this.power()) return false;
    }
  }

  private power(): boolean {
    if (!this.atom()) return false;
    if (!this.take('^')) return true;
    return this.next === '{' ? this.group('{', '}') : this.atom();
  }

  private startsAtom(): boolean {
    const { next } = this;
    return next === '(' || next === '{' || next === '\\frac' || next === '\\sqrt' || this.isName(next);
  }

  private isName(token: string): boolean {
    return CONSTANTS.has(token) || FUNCTIONS.has(token) || /^[\dA-Za-z.]/.test(token);
  }

  private atom(): boolean {
    const { next } = this;
    if (next === '(') return this.group('(', ')');
    if (next === '{') return this.group('{', '}');
    if (this.take('\\frac')) return this.group('{', '}') && this.group('{', '}');
    if (this.take('\\sqrt')) {
      if (this.take('[') && !(/^\d$/.test(this.tokens[this.at++] ?? '') && this.take(']'))) return false;
      return this.group('{', '}');
    }
    if (!this.isName(next)) return false;
    this.at++;
    return !FUNCTIONS.has(next) || this.deeper(() => this.power());
  }

  private group(open: string, close: string): boolean {
    return this.take(open) && this.deeper(() => this.sum()) && this.take(close);
  }

  private deeper(read: () => boolean): boolean {
    if (this.depthLeft === 0) return false;
    this.depthLeft--;
    const isRead = read();
    this.depthLeft++;
    return isRead;
  }

  private get next(): string {
    return this.tokens[this.at] ?? '';
  }

  private take(token: string): boolean {
    if (this.next !== token) return false;
    this.at++;
    return true;
  }
}
