import { ToolError } from '@dawngrad/tensor';
import { SUITES, type SuiteName } from './row.ts';

export interface BenchArguments {
  readonly suites: readonly SuiteName[];
  /** Fewer runs of fewer cases. */
  readonly isQuick: boolean;
  /** Every suite, with the cases that only a hardware adapter can run. */
  readonly isAll: boolean;
  /** Only the cases whose name holds this text, without regard to case; all if it is empty. */
  readonly filter: string;
  /** Where to write the rows as JSON. */
  readonly json: string | undefined;
  /** Where the other libraries are installed. */
  readonly peersFolder: string | undefined;
  /** Only print the names of the cases. */
  readonly isList: boolean;
  /** Only print the help. */
  readonly isHelp: boolean;
}

/** Suites that need nothing but this repository. */
const DEFAULT_SUITES: readonly SuiteName[] = ['kernels', 'train', 'decode', 'load', 'memory', 'rl', 'eval', 'dispatch'];

export const HELP = `npm run bench -- [--suite ${SUITES.join('|')}] [--quick] [--filter TEXT] [--json FILE] [--all]

  --suite NAME           one suite; may be given several times. Without it: ${DEFAULT_SUITES.join(', ')}.
  --quick                few runs of the main cases
  --filter TEXT          only cases whose name holds TEXT
  --json FILE            write the rows as a JSON array
  --all                  every suite, and cases that only a hardware adapter runs in reasonable time
  --list                 print the names of the cases
  --peers-folder FOLDER  where jax-js, TensorFlow.js and onnxruntime-web are installed (default: bench/peers, whose
                         README says how)
`;

const VALUE_FLAGS = ['--suite', '--filter', '--json', '--peers-folder'] as const;
type ValueFlag = (typeof VALUE_FLAGS)[number];
const SWITCHES = ['--quick', '--all', '--list', '--help'] as const;
type Switch = (typeof SWITCHES)[number];

/** Reads the arguments after the program's name. Throws ToolError 'usage'. */
export function parseArguments(argv: readonly string[]): BenchArguments {
  const suites: SuiteName[] = [];
  const values: Partial<Record<ValueFlag, string>> = {};
  const switches = new Set<Switch>();
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    if (isOneOf(SWITCHES, argument)) switches.add(argument);
    else if (isOneOf(VALUE_FLAGS, argument)) {
      const value = argv[++i];
      if (value === undefined || value.startsWith('--')) throw usage(`a value after ${argument}`, value ?? 'none');
      if (argument !== '--suite') values[argument] = value;
      else if (isOneOf(SUITES, value)) suites.push(value);
      else throw usage(`--suite ${SUITES.join('|')}`, value);
    } else {
      throw usage([...VALUE_FLAGS, ...SWITCHES].join(', '), argument);
    }
  }
  const isAll = switches.has('--all');
  if (isAll && suites.length > 0) throw usage('either --all or --suite', 'both');
  return {
    suites: isAll ? SUITES : suites.length > 0 ? [...new Set(suites)] : DEFAULT_SUITES,
    isQuick: switches.has('--quick'),
    isAll,
    filter: values['--filter'] ?? '',
    json: values['--json'],
    peersFolder: values['--peers-folder'],
    isList: switches.has('--list'),
    isHelp: switches.has('--help'),
  };
}

function isOneOf<T extends string>(names: readonly T[], value: string): value is T {
  return (names as readonly string[]).includes(value);
}

function usage(expected: string, got: string): ToolError {
  return new ToolError('usage', { op: 'bench', expected, got, hint: 'npm run bench -- --help' });
}
