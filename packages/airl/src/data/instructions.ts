/**
 * What stands before a question (r-airl.md, section 6), short because small models have short contexts.
 * They ask for the canonical form that checkers read.
 */
export const THINK_THEN_ANSWER = 'Think first, then answer, inside <think> </think> <answer> </answer>.';

export const ANSWER_OPTION_TEXT = `${THINK_THEN_ANSWER} Answer with the text of one of the options only, without its letter.`;

export const ANSWER_MEDICAL = [
  'You are a medical expert.',
  THINK_THEN_ANSWER,
  'Keep the reasoning under 500 words. Give the answer as <LETTER>. <ANSWER_TEXT>, one of the options A to D.',
  'Example:\nWhich vitamin prevents scurvy?\nA. Vitamin A\nB. Vitamin B12\nC. Vitamin C\nD. Vitamin D',
  '<think>\nScurvy is a lack of ascorbic acid, which is vitamin C.\n</think>\n<answer>\nC. Vitamin C\n</answer>',
].join('\n');
