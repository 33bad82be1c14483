const OPTION = '--plugin';

/** The values of `--plugin` among words, and the other words; a last `--plugin` without a value stays. */
export function takePlugins(words: readonly string[]): { readonly rest: string[]; readonly plugins: string[] } {
  const rest: string[] = [];
  const plugins: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const next = words[i + 1];
    if (word.startsWith(`${OPTION}=`)) plugins.push(word.slice(OPTION.length + 1));
    else if (word === OPTION && next !== undefined && !next.startsWith('-')) {
      plugins.push(next);
      i++;
    } else rest.push(word);
  }
  return { rest, plugins };
}
