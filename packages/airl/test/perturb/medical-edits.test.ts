import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Draws } from '../../src/data/draws.ts';
import { canonicalTarget, parseCanonicalTarget } from '../../src/data/example.ts';
import { loadExamples } from '../../src/node/load-examples.ts';
import { corruptTarget } from '../../src/perturb/corrupt-target.ts';
import type { TextEditName } from '../../src/perturb/text-edits.ts';

/** All texts that an edit makes of a reasoning, over many draws. */
function outcomes(name: TextEditName, reasoning: string): string[] {
  const target = canonicalTarget(reasoning, 'A. increase');
  const seen = new Set<string>();
  for (let i = 0; i < 60; i++) {
    const made = corruptTarget({ target }, [name], new Draws(1, 1, i));
    if (made === undefined) continue;
    const parts = parseCanonicalTarget(made.text);
    expect(parts?.answer).toBe('A. increase');
    seen.add(parts?.reasoning as string);
  }
  return [...seen].sort();
}

describe('flip_clinical_direction', () => {
  it('turns one word or prefix around and keeps its capitals', () => {
    expect(outcomes('flip_clinical_direction', 'Elevated TSH is HIGH; hyperkalemia, Hypoglycemia.')).toEqual([
      'Elevated TSH is HIGH; hyperkalemia, Hyperglycemia.',
      'Elevated TSH is HIGH; hypokalemia, Hypoglycemia.',
      'Elevated TSH is LOW; hyperkalemia, Hypoglycemia.',
      'Reduced TSH is HIGH; hyperkalemia, Hypoglycemia.',
    ]);
  });

  it('leaves words alone that only begin or end so', () => {
    expect(outcomes('flip_clinical_direction', 'The hypothesis: highlighted, hypo, slower.')).toEqual([]);
  });
});

describe('reverse_causal_chains', () => {
  it('changes cause and effect of one line, bullet and full stop kept', () => {
    expect(outcomes('reverse_causal_chains', '- Diabetes -> retinopathy.\nSmoking leads to COPD\nNo chain.')).toEqual([
      '- Diabetes -> retinopathy.\nCOPD leads to Smoking\nNo chain.',
      '- retinopathy -> Diabetes.\nSmoking leads to COPD\nNo chain.',
    ]);
  });

  it('finds nothing in a line with an empty side', () => {
    expect(outcomes('reverse_causal_chains', '- -> retinopathy\nA causes A')).toEqual([]);
  });
});

describe('corrupt_demographics', () => {
  it('exchanges one word wherever it stands', () => {
    expect(outcomes('corrupt_demographics', 'A woman. The Woman is elderly; woman-made.')).toEqual([
      'A man. The Man is elderly; man-made.',
      'A woman. The Woman is young; woman-made.',
    ]);
    expect(outcomes('corrupt_demographics', 'Manage the childhood.')).toEqual([]);
  });
});

describe('corrupt_guidelines_modalities', () => {
  it('negates one recommendation, or takes its negation away', () => {
    expect(outcomes('corrupt_guidelines_modalities', 'It should be given. It must not be cut.')).toEqual([
      'It should be given. It must be cut.',
      'It should not be given. It must not be cut.',
    ]);
  });
});

const file = fileURLToPath(new URL('../../../../../shared/data/medqa/huatuogpt_o1_demo_data.json', import.meta.url));

describe.skipIf(!existsSync(file))('on real medical traces', () => {
  // D22: in the reference these found nothing, because they looked for other tags.
  it.each([
    ['flip_clinical_direction', 0.6],
    ['corrupt_demographics', 0.3],
    ['corrupt_guidelines_modalities', 0.4],
    ['reverse_causal_chains', 0.1],
  ] as const)('D22: %s changes the reasoning of at least a share of %f', async (name, share) => {
    const { examples } = await loadExamples(file, { dataset: 'medical', badRows: 'drop' });
    expect(examples.length).toBeGreaterThan(150);
    const made = examples.map((example, i) => ({
      example,
      result: corruptTarget(example, [name], new Draws(2, 2, i)),
    }));
    const changed = made.filter(({ result }) => result !== undefined);
    expect(changed.length / examples.length).toBeGreaterThan(share);
    for (const { example, result } of changed) {
      expect(result?.text).not.toBe(example.target);
      expect(parseCanonicalTarget(result?.text as string)?.answer).toBe(example.answer);
    }
  });
});
