import { describe, expect, it } from 'vitest';
import { Draws } from '../../src/data/draws.ts';
import { canonicalTarget } from '../../src/data/example.ts';
import { editReasoning } from '../../src/perturb/edit-reasoning.ts';

const TARGET = canonicalTarget('48/2=24 clips in May.\nShe sold 48+24=72 clips altogether.', '72');
const EDITS = ['flip_operator_in_one_step', 'corrupt_numbers'] as const;

const edit = (severity: number, seed: number, text = TARGET) =>
  editReasoning(text, EDITS, severity, new Draws(seed, 1, 0));

describe('editReasoning', () => {
  it('changes the think block alone, as often as the severity says', () => {
    for (let seed = 0; seed < 40; seed++) {
      for (let severity = 1; severity <= 5; severity++) {
        const { text, edits } = edit(severity, seed)!;
        expect(edits).toHaveLength(severity);
        expect(text).not.toBe(TARGET);
        expect(text.slice(text.indexOf('</think>'))).toBe(TARGET.slice(TARGET.indexOf('</think>')));
      }
    }
  });

  it('draws the same edits from the same draws', () => {
    expect(edit(3, 7)).toEqual(edit(3, 7));
    expect(new Set(Array.from({ length: 20 }, (_, seed) => edit(1, seed)!.text)).size).toBeGreaterThan(3);
  });

  it('records edits that find nothing to change', () => {
    const bare = canonicalTarget('no figures here', '72');
    expect(edit(2, 1, bare)).toEqual({
      text: bare,
      edits: expect.arrayContaining([expect.stringMatching(/\(no_op\)$/)]),
    });
  });

  it('leaves texts without both blocks, and refuses edits of the answer', () => {
    expect(edit(1, 1, 'The answer is 72.')).toBeUndefined();
    expect(edit(1, 1, '<think>1+1=2</think> 2')).toBeUndefined();
    expect(edit(1, 1, '<answer>2</answer> <think>1+1=2</think>')).toBeUndefined();
    expect(() => editReasoning(TARGET, ['corrupt_answer_nearby_number'], 1, new Draws(1, 1, 0))).toThrow(
      'corrupt_answer_nearby_number: expected an edit of the reasoning, got one of the answer',
    );
  });
});
