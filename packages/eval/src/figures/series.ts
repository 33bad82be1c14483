/** A channel for series, colour or shape: in one order, so that both share a legend. */
export function seriesOf(names: readonly string[], range: readonly string[]): object {
  return {
    field: 'series',
    type: 'nominal',
    sort: [...names],
    title: null,
    scale: { domain: [...names], range: range.slice(0, names.length) },
    legend: names.length < 2 ? null : { columns: Math.min(3, names.length), symbolOpacity: 1 },
  };
}
