/** The values of all completions of each group together, in the order given. */
export function groupValues(
  completions: readonly { readonly group: number | string }[],
  values: readonly (readonly number[])[],
): Map<number | string, number[]> {
  const groups = new Map<number | string, number[]>();
  completions.forEach(({ group }, i) => {
    const sample = groups.get(group) ?? [];
    sample.push(...(values[i] as readonly number[]));
    groups.set(group, sample);
  });
  return groups;
}
