import { describe, expect, it } from 'vitest';
import { Draws } from '../../src/data/draws.ts';
import { canonicalTarget, type Example } from '../../src/data/example.ts';
import { corruptTarget, countCorruptions } from '../../src/perturb/corrupt-target.ts';
import { corruptExperts } from '../../src/perturb/expert-errors.ts';

const examples: Example[] = Array.from({ length: 200 }, (_, i) => ({
  id: `r${i}`,
  prompt: `What is ${i} + 2?`,
  target: canonicalTarget(`${i} + 2 = ${i + 2}.`, String(i + 2)),
  answer: String(i + 2),
}));
const functions = ['flip_operator_in_one_step', 'corrupt_answer_nearby_number', 'corrupt_numbers'] as const;

describe('corruptExperts', () => {
  it('makes exactly the share wrong, marks it, and keeps gold answers and order', () => {
    const { examples: made, corrupted, byKind } = corruptExperts(examples, { rate: 0.25, functions, seed: 7 });
    expect(corrupted).toBe(50);
    const wrong = made.filter(({ isExpertError }) => isExpertError);
    expect(wrong.length).toBe(50);
    made.forEach((example, i) => {
      const source = examples[i] as Example;
      expect([example.id, example.prompt, example.answer]).toEqual([source.id, source.prompt, source.answer]);
      expect(example.target === source.target).toBe(example.isExpertError !== true);
    });
    expect(Object.keys(byKind).sort()).toEqual([...functions].sort());
    expect(Object.values(byKind).reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(50);
  });

  it('is a pure function of examples and seed, and other seeds choose others', () => {
    const ids = (seed: number): string[] =>
      corruptExperts(examples, { rate: 0.1, functions, seed }).examples.flatMap(({ id, isExpertError }) =>
        isExpertError ? [id] : [],
      );
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
  });

  it('does nothing at rate 0, and leaves rows without a target alone', () => {
    const bare: Example = { id: 'bare', prompt: 'p', answer: '1' };
    expect(corruptExperts([...examples, bare], { rate: 0, functions, seed: 1 }).examples).toEqual([...examples, bare]);
    expect(corruptExperts([...examples, bare], { rate: 1, functions, seed: 1 }).examples.at(-1)).toBe(bare);
  });

  it('says so where the edits cannot change enough experts', () => {
    expect(() => corruptExperts(examples, { rate: 0.5, functions: ['reverse_causal_chains'], seed: 1 })).toThrow(
      /data\.expert_error_rate: expected 100 of 200 experts that reverse_causal_chains can change, got 0/,
    );
  });
});

describe('stored traces', () => {
  const row = { target: canonicalTarget('a', 'A. x'), corruptedTargets: ['wrong one', 'wrong two', 'wrong three'] };

  it('are taken as they are, each in its turn of draws, and counted by kind', () => {
    const made = Array.from({ length: 60 }, (_, i) => corruptTarget(row, ['stored_trace'], new Draws(1, 1, i)));
    expect(new Set(made.map((one) => one?.text))).toEqual(new Set(row.corruptedTargets));
    expect(countCorruptions(made.filter((one) => one !== undefined))).toEqual({ stored_trace: 60 });
  });

  it('are passed over for rows without such, whose edits go on', () => {
    const names = ['stored_trace', 'corrupt_answer_nearby_number'] as const;
    for (let i = 0; i < 20; i++) {
      const made = corruptTarget({ target: canonicalTarget('a', '5') }, names, new Draws(1, 1, i));
      expect(made?.functions).toEqual(['corrupt_answer_nearby_number']);
    }
    expect(corruptTarget({ target: row.target }, ['stored_trace'], new Draws(1, 1, 1))).toBeUndefined();
  });
});
