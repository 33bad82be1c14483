import { ToolError } from '@dawngrad/tensor';
import { evaluateRows } from '../evaluate-rows.ts';
import type { SelectorName } from '../metrics/selectors.ts';
import { type EvalRow, isCorrect } from '../row.ts';
import type { Estimate } from '../stats/estimate.ts';
import { type TransferLabel, transferLabel } from './transfer-label.ts';

/** The samples of a policy, scored by one critic. */
export interface TransferRows {
  readonly label: TransferLabel;
  readonly file: string;
  readonly rows: readonly EvalRow[];
}

export interface TransferOptions {
  /** N of best-of-N. */
  readonly bestOf: number;
  readonly selector: SelectorName;
  readonly resamples: number;
  readonly seed: number;
  /** Domains and backbones (with their variant) that the matrix has; those of the rows unless said. */
  readonly domains?: readonly string[];
  readonly critics?: readonly string[];
}

export interface TransferCell {
  readonly label: string;
  readonly critic: string;
  readonly policy_domain: string;
  readonly reward_domain: string;
  /** Null: no file has this cell. */
  readonly numbers: {
    readonly prompts: number;
    readonly samples: number;
    /** A sample of the policy as it is, and the best of N by the critic. */
    readonly pass_at_1: Estimate;
    readonly reranked: Estimate;
    /** reranked - pass_at_1, paired by prompt, and the two-sided p-value of random signs. */
    readonly delta: Estimate;
    readonly p: number;
  } | null;
}

export interface TransferMatrix {
  readonly schema: 1;
  readonly best_of: number;
  readonly selector: SelectorName;
  readonly critics: readonly string[];
  readonly domains: readonly string[];
  /** By critic, policy domain, reward domain. */
  readonly cells: readonly TransferCell[];
  /** Labels of the cells that no file has. */
  readonly missing: readonly string[];
  readonly bootstrap: { readonly resamples: number; readonly seed: number; readonly clusters: 'prompts' };
}

/**
 * What a critic of one domain and backbone gains on the samples of a policy of another (r-airl.md, section
 * 7.4). All cells of a policy domain must be about the same samples. Throws ToolError 'config' where they
 * are not, where a cell comes twice, has no scores, or fewer than N samples a prompt.
 */
export function transferMatrix(sources: readonly TransferRows[], options: TransferOptions): TransferMatrix {
  const criticOf = ({ arch, variant }: TransferLabel): string => `${arch}_${variant}`;
  const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();
  const critics = options.critics ?? sorted(sources.map(({ label }) => criticOf(label)));
  const domains = options.domains ?? sorted(sources.flatMap(({ label }) => [label.policyDomain, label.rewardDomain]));
  checkSources(sources, options.bestOf);
  const temperature = sources[0]?.label.temperature ?? null;
  const cells = critics.flatMap((critic) =>
    domains.flatMap((policyDomain) =>
      domains.map((rewardDomain): TransferCell => {
        const source = sources.find(
          ({ label }) =>
            criticOf(label) === critic && label.policyDomain === policyDomain && label.rewardDomain === rewardDomain,
        );
        const [arch = '', ...variant] = critic.split('_');
        const wanted = { arch, variant: variant.join('_'), policyDomain, rewardDomain, temperature };
        return {
          label: transferLabel(source?.label ?? wanted),
          critic,
          policy_domain: policyDomain,
          reward_domain: rewardDomain,
          numbers: source === undefined ? null : cellNumbers(source, options),
        };
      }),
    ),
  );
  return {
    schema: 1,
    best_of: options.bestOf,
    selector: options.selector,
    critics,
    domains,
    cells,
    missing: cells.flatMap(({ label, numbers }) => (numbers === null ? [label] : [])),
    bootstrap: { resamples: options.resamples, seed: options.seed, clusters: 'prompts' },
  };
}

function cellNumbers({ rows, file }: TransferRows, options: TransferOptions): NonNullable<TransferCell['numbers']> {
  const { bestOf, selector, resamples, seed } = options;
  const summary = evaluateRows(rows, { ks: [1], sizes: [bestOf], selector, resamples, seed });
  const reranked = summary.bestOfN.rows.find(({ ranker }) => ranker === 'reward')?.estimates?.[0];
  if (summary.rewardGain === null || reranked === undefined) {
    throw fault(file, 'critic scores in every row', 'rows without');
  }
  return {
    prompts: summary.prompts,
    samples: rows.length / summary.prompts,
    pass_at_1: summary.passAtK[0]!.plain,
    reranked,
    delta: summary.rewardGain.overRandom,
    p: summary.rewardGain.overRandomTest.signFlipP,
  };
}

function checkSources(sources: readonly TransferRows[], bestOf: number): void {
  const seen = new Map<string, string>();
  const samples = new Map<string, { readonly file: string; readonly verdicts: ReadonlyMap<string, string> }>();
  for (const { label, file, rows } of sources) {
    const key = transferLabel(label);
    if (seen.has(key)) throw fault(file, `${key} once`, `${seen.get(key)} as well`);
    seen.set(key, file);
    const counts = new Map<string, number>();
    for (const { prompt_id } of rows) counts.set(prompt_id, (counts.get(prompt_id) ?? 0) + 1);
    const fewest = [...counts.values()].reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    if (fewest < bestOf) throw fault(file, `at least ${bestOf} samples a prompt`, `${fewest}`);
    const verdicts = new Map(
      rows.map((row) => [
        `${row.generation_idx} ${row.prompt_id}`,
        `${isCorrect(row) ? 1 : 0} ${row.generation.content}`,
      ]),
    );
    const first = samples.get(label.policyDomain);
    if (first === undefined) {
      samples.set(label.policyDomain, { file, verdicts });
      continue;
    }
    const differs =
      first.verdicts.size !== verdicts.size ||
      [...verdicts].some(([place, text]) => first.verdicts.get(place) !== text);
    if (differs) {
      throw fault(file, `the samples of ${first.file}: both are of the policy of ${label.policyDomain}`, 'others');
    }
  }
}

function fault(op: string, expected: string, got: string): ToolError {
  return new ToolError('config', { op, expected, got });
}
