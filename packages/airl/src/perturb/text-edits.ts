import { answerFromReasoning, changeNumbers, flipOperator, nearbyAnswer } from './math-edits.ts';
import { changeDemographics, flipDirection, negateRecommendation, reverseCausality } from './medical-edits.ts';
import type { TextEdit } from './text-edit.ts';

/**
 * The edits by their names in the reference (`negatives.functions`; r-airl.md, section 3.7). Its rewriter
 * by a commercial language model is not among them: traces made that way come with the rows. To add one:
 * a function, and a line here.
 */
export const TEXT_EDITS = {
  flip_operator_in_one_step: flipOperator,
  corrupt_answer_nearby_number: nearbyAnswer,
  corrupt_answer_with_think_number: answerFromReasoning,
  corrupt_numbers: changeNumbers,
  flip_clinical_direction: flipDirection,
  reverse_causal_chains: reverseCausality,
  corrupt_demographics: changeDemographics,
  corrupt_guidelines_modalities: negateRecommendation,
} as const satisfies Record<string, TextEdit>;

export type TextEditName = keyof typeof TEXT_EDITS;
