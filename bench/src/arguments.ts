import { ToolError } from '@dawngrad/tensor';

export interface BenchArguments {
  /** Cases whose name holds one of these words run; all if there are none. */
  readonly filters: readonly string[];
  /** Where to write the figures as JSON. */
  readonly json: string | undefined;
  /** Seconds for each case after its least number of runs. */
  readonly seconds: number;
  /** Only print the names of the cases. */
  readonly isList: boolean;
  /** Only print the help. */
  readonly isHelp: boolean;
  /** Compare with other libraries, which are installed in this folder. */
  readonly peers: string | undefined;
}

export const HELP = `npm run bench -- [WORD ...] [--json FILE] [--seconds S] [--list]
  Times the cases whose name holds one of the words (all without any).
npm run bench -- --peers FOLDER [WORD ...] [--json FILE]
  Runs the same work beside other libraries, which are installed in FOLDER (see bench/src/peers/README.md).

  --json FILE     write every figure as JSON
  --seconds S     how long to repeat each case (default 0.5)
  --list          print the names of the cases
`;

/** Reads the arguments after the program's name. Throws ToolError 'usage'. */
export function parseArguments(argv: readonly string[]): BenchArguments {
  const filters: string[] = [];
  const values: { json?: string; seconds?: string; peers?: string } = {};
  let isList = false;
  let isHelp = false;
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    if (argument === '--list') isList = true;
    else if (argument === '--help') isHelp = true;
    else if (argument === '--json' || argument === '--seconds' || argument === '--peers') {
      const value = argv[++i];
      if (value === undefined) throw usage(`a value after ${argument}`, 'none');
      values[argument.slice(2) as keyof typeof values] = value;
    } else if (argument.startsWith('-')) {
      throw usage('--json, --seconds, --list, --peers or a word', argument);
    } else filters.push(argument);
  }
  const seconds = Number(values.seconds ?? 0.5);
  if (!(seconds > 0 && seconds <= 600)) throw usage('--seconds between 0 and 600', values.seconds!);
  return { filters, json: values.json, seconds, isList, isHelp, peers: values.peers };
}

function usage(expected: string, got: string): ToolError {
  return new ToolError('usage', { op: 'bench', expected, got, hint: 'npm run bench -- --help' });
}
