import { ToolError } from '@dawngrad/tensor';
import type { Checker } from '../verify/verdict.ts';
import type { BadRowPolicy } from './collect-examples.ts';
import { type Example, findTargetParts, parseCanonicalTarget } from './example.ts';

export interface ExpertReport {
  readonly experts: readonly Example[];
  /** Experts left out under `drop`. */
  readonly dropped: number;
  /** Experts kept whose own answer the checker does not accept; undefined without a checker. */
  readonly wrongAnswers: number | undefined;
}

const SHOWN = 5;

/**
 * Experts as a critic needs them: each with a reasoning block and an answer block in the canonical form.
 * Faulty ones are one error that names rows and faults; under `drop` they are left out and counted.
 *
 * @param checker counts experts with a wrong answer; a run without a verifier gives none
 * @throws ToolError `config`
 */
export function checkExperts(
  examples: readonly Example[],
  policy: BadRowPolicy = 'error',
  checker?: Checker,
): ExpertReport {
  const faults: string[] = [];
  const experts: Example[] = [];
  for (const example of examples) {
    const fault = faultOf(example);
    if (fault === undefined) experts.push(example);
    else faults.push(`row ${example.id} with ${fault}`);
  }
  if (faults.length > 0 && (policy === 'error' || experts.length === 0)) {
    const more = faults.length > SHOWN ? ` and ${faults.length - SHOWN} more of ${examples.length}` : '';
    throw new ToolError('config', {
      op: 'experts',
      expected: '<think>reasoning</think> and <answer>answer</answer> in each target',
      got: faults.slice(0, SHOWN).join(', ') + more,
      hint:
        experts.length === 0
          ? 'A critic learns from reasoning; `train sft` takes targets of any form.'
          : 'Mend them, or leave such rows out with data.bad_rows=drop.',
    });
  }
  const wrongAnswers =
    checker &&
    experts.filter(({ target, answer, options }) => checker(target as string, answer, options).outcome !== 'correct')
      .length;
  return { experts, dropped: faults.length, wrongAnswers };
}

function faultOf({ target }: Example): string | undefined {
  if (target === undefined) return 'no target';
  const parts = parseCanonicalTarget(target);
  if (parts !== undefined && parts.reasoning.trim() !== '' && parts.answer.trim() !== '') return undefined;
  const found = findTargetParts(target);
  return typeof found === 'string' ? found : 'blocks that are not in the canonical form';
}
