import { describe, expect, it } from 'vitest';
import { collapses } from '../../../src/study/report/collapse.ts';
import { studyTargets, type Target } from '../../../src/study/report/targets.ts';
import { type Constructed, constructedSeed, soundSeed } from './constructed-measures.ts';

function targetsOf(
  change: (seed: Constructed, i: number) => Partial<Constructed> = () => ({}),
  count = 5,
  planned = count,
): Target[] {
  return studyTargets(
    Array.from({ length: count }, (_, i) => {
      const sound = soundSeed(11 + i, (i - (count - 1) / 2) / 100);
      return constructedSeed({ ...sound, ...change(sound, i) });
    }),
    planned,
  );
}

const statuses = (targets: readonly Target[]): string[] => targets.map(({ status }) => status);

describe('the targets', () => {
  it('are reached by the mean of the seeds; where the interval lies is told', () => {
    const targets = targetsOf();
    expect(statuses(targets)).toEqual(['reached', 'reached', 'reached', 'reached', 'reached']);
    expect(targets[0]!.parts.map(({ interval }) => interval)).toEqual(['contains', 'above', 'contains', 'above']);
    // Exactly at the target counts.
    const exact = targetsOf(({ pass }) => ({ pass: { ...pass, 'irl-interval': 0.68, grpo: 0.68, 'irl-dense': 0.5 } }));
    expect(exact[0]!.status).toBe('reached');
  });

  it('over SFT and not below GRPO are asked of one and the same arm', () => {
    const [gain] = targetsOf(({ pass }) => ({
      // Interval is far over SFT but below GRPO, dense the other way around.
      pass: { ...pass, sft: 0.5, grpo: 0.65, 'irl-interval': 0.64, 'irl-dense': 0.61 },
    }));
    expect(gain!.status).toBe('not reached');
  });

  it('are not reached where one part is below: sparse, proof-reading, localisation of both critics', () => {
    const targets = targetsOf(({ pass, rerank, natural }) => ({
      pass: { ...pass, 'irl-sparse': 0.55 },
      rerank: { ...rerank!, 'proof-reading': 0.95 },
      natural: { ...natural!, 'critic irl-step': 94 },
    }));
    expect(statuses(targets)).toEqual(['reached', 'not reached', 'reached', 'not reached', 'not reached']);
  });

  it('cannot be told from one seed or of an arm that is missing, but a collapse can', () => {
    expect(new Set(statuses(targetsOf(undefined, 1)))).toEqual(new Set(['cannot be told']));
    const quick = ({ pass: { base, sft, grpo, 'irl-interval': interval } }: Constructed): Partial<Constructed> => ({
      pass: { base: base!, sft: sft!, grpo: grpo!, 'irl-interval': interval! },
      rerank: {},
      natural: {},
    });
    expect(statuses(targetsOf(quick))).toEqual([
      'reached',
      'cannot be told',
      'reached',
      'cannot be told',
      'cannot be told',
    ]);
    // A seed that is not there may be one whose training failed.
    const [, , missing] = targetsOf(undefined, 4, 5);
    expect(missing!.status).toBe('cannot be told');
    expect(missing!.found).toBe('0 of 24 trained policies on 4 seeds of 5 collapsed.');
    const collapsed = targetsOf(({ pass }) => ({ pass: { ...pass, 'irl-step': 0.2 } }), 1);
    expect(collapsed[2]!.status).toBe('not reached');
    expect(collapsed[2]!.found).toContain('R-AIRL step, seed 11 (pass@1 20.0 % below the base’s 39.0 %;');
  });
});

describe('a collapse', () => {
  const reasonsOf = (change: Partial<Constructed>): string[] =>
    collapses([constructedSeed({ ...soundSeed(11), ...change })]).flatMap(({ policy, reasons }) =>
      reasons.map((reason) => `${policy}: ${reason}`),
    );
  const { pass } = soundSeed(11);

  it('is a policy of R-AIRL below the base, malformed, or more than ten points below SFT', () => {
    expect(reasonsOf({})).toEqual([]);
    expect(
      reasonsOf({ pass: { ...pass, base: 0.6, 'irl-dense': 0.59, 'irl-sparse': 0.61, 'irl-interval-relabel': 0.61 } }),
    ).toEqual(['irl-dense: pass@1 59.0 % below the base’s 60.0 %']);
    expect(reasonsOf({ wellFormed: { 'irl-step': 0.89, 'irl-dense': 0.9 } })).toEqual(['irl-step: 89.0 % well-formed']);
    expect(reasonsOf({ pass: { ...pass, 'irl-sparse': 0.45, 'irl-step': 0.47 } })).toEqual([
      'irl-sparse: pass@1 45.0 % against SFT’s 56.0 %',
    ]);
  });

  it('is a training of R-AIRL that failed too, whose seed counts with its other arms', () => {
    const { 'irl-step': _, ...others } = pass;
    const failed = ['grpo', 'irl-step'].map((arm) => ({ arm, message: 'step 7: expected finite gradients, got NaN' }));
    const lost = { pass: others, failed };
    expect(reasonsOf(lost)).toEqual(['irl-step: training failed: step 7: expected finite gradients, got NaN']);
    const targets = targetsOf((_, i) => (i === 1 ? lost : {}));
    expect(targets[2]).toMatchObject({ status: 'not reached' });
    expect(targets[2]!.found).toBe(
      '1 of 30 trained policies on 5 seeds collapsed: R-AIRL step, seed 12 (training failed: step 7: expected finite gradients, got NaN).',
    );
    expect(targets[1]!.parts.map(({ estimate }) => estimate!.seeds)).toEqual([5, 4]);
  });

  it('is not asked of SFT and GRPO', () => {
    expect(reasonsOf({ pass: { ...pass, grpo: 0.1 }, wellFormed: { sft: 0.2 } })).toEqual([]);
  });
});
