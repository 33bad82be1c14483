export type Outcome = 'correct' | 'wrong' | 'unparsed';

/** What a checker says of a completion. `unparsed` is never counted as correct. */
export interface Verdict {
  readonly outcome: Outcome;
  /** The answer that was found in the completion, or null where there is none. */
  readonly answer: string | null;
  /** Whether the answer equals the gold answer character by character (the reference's criterion). */
  readonly strict: boolean;
}

/**
 * A programmatic checker: the completion's text against the gold answer. Total and bounded: it never
 * throws and takes time linear in the length of the text.
 */
export type Checker = (completion: string, gold: string, options?: ChoiceOptions) => Verdict;

/** What a checker says of an answer that has been found; `unparsed` where the answer cannot be read. */
export type Comparison = (answer: string, gold: string, options?: ChoiceOptions) => Outcome;

/** The texts of a question's options by upper-case letter, where there are any. */
export type ChoiceOptions = Readonly<Record<string, string>>;
