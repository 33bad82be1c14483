/** What a mode does, and the files that it reads and writes by default (r-airl.md, section 7.1). */
interface EvaluationModeInfo {
  /** The reference's other names for it. */
  readonly aliases: readonly string[];
  /** Whether completions are sampled, or read from a file of rows. */
  readonly samples: 'sampled' | 'given';
  /** Whether the critic scores, unless eval.critic_scores says so. */
  readonly scores: boolean;
  readonly needsAime: boolean;
  /** File of the rows; `<name>` stands for the kind of data. */
  readonly output: string;
  /** Files to look for in eval.input_dir. */
  readonly candidates: readonly string[];
}

/** The modes of `dawngrad evaluate`. */
export const EVALUATION_MODES = {
  generate: {
    aliases: ['default', 'evaluate', 'generate_and_eval'],
    samples: 'sampled',
    scores: true,
    needsAime: false,
    output: 'eval_results_<name>.jsonl',
    candidates: [],
  },
  aime: {
    aliases: ['aime_generate', 'generate_aime'],
    samples: 'sampled',
    scores: true,
    needsAime: true,
    output: 'eval_results_aime.jsonl',
    candidates: [],
  },
  pregenerated_policy: {
    aliases: ['pregenerated', 'pregenerated_policy_only', 'logprobs'],
    samples: 'given',
    scores: false,
    needsAime: false,
    output: 'eval_results_logprobs.jsonl',
    candidates: ['eval_results_new.jsonl'],
  },
  pregenerated_policy_and_reward: {
    aliases: ['pregenerated_sft', 'logprobs_sft'],
    samples: 'given',
    scores: true,
    needsAime: false,
    output: 'eval_results_logprobs_sft.jsonl',
    candidates: ['eval_results_new.jsonl', 'debug.jsonl', 'eval_results.jsonl'],
  },
} as const satisfies Record<string, EvaluationModeInfo>;

export type EvaluationMode = keyof typeof EVALUATION_MODES;

const BY_NAME = new Map<string, EvaluationMode>(
  (Object.entries(EVALUATION_MODES) as [EvaluationMode, EvaluationModeInfo][]).flatMap(([mode, { aliases }]) =>
    [mode, ...aliases].map((name): [string, EvaluationMode] => [name, mode]),
  ),
);

/** The names that eval.mode takes: the modes, then their aliases. */
export const EVALUATION_MODE_NAMES = [
  ...(Object.keys(EVALUATION_MODES) as [EvaluationMode]),
  ...Object.values(EVALUATION_MODES).flatMap(({ aliases }) => aliases),
] as [string, ...string[]];

/** The mode that a name stands for. */
export function evaluationMode(name: string): EvaluationMode {
  const found = BY_NAME.get(name);
  if (found === undefined) throw new RangeError(`no mode ${name}`);
  return found;
}
