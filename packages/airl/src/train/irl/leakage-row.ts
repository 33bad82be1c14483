import { LEAKAGE_PROBES, probeLeakage } from '../../data/leakage.ts';
import type { MetricRow } from '../../metrics/names.ts';
import type { TraceRecord } from '../../record.ts';
import type { Reporter } from '../../reporter.ts';

/**
 * What a critic could tell experts from samples by without reading them, told before it has learned anything and for
 * the first row of metrics (D11). Empty where there are no samples of demonstrated prompts.
 */
export function leakageRow(
  samples: readonly TraceRecord[],
  expertOf: ReadonlyMap<string, TraceRecord>,
  reporter: Reporter,
): MetricRow {
  const demonstrated = samples.filter(({ promptId }) => expertOf.has(promptId));
  const experts = new Set(demonstrated.map(({ promptId }) => expertOf.get(promptId)!));
  const probed = (records: Iterable<TraceRecord>) =>
    Array.from(records, ({ text, completionIds, finish }) => {
      return { text, tokens: completionIds.length, isEnded: finish === 'end' };
    });
  const areas = probeLeakage(probed(experts), probed(demonstrated));
  const known = LEAKAGE_PROBES.flatMap((name) => {
    const area = areas[name];
    return area === undefined ? [] : [{ name, area }];
  });
  if (known.length === 0) return {};
  reporter.note(
    `leakage: one surface feature alone tells ${experts.size} experts from ${demonstrated.length} samples with AUROC ` +
      `${known.map(({ name, area }) => `${area.toFixed(2)} (${name})`).join(', ')}; 0.5 says nothing`,
  );
  return {
    ...Object.fromEntries(known.map(({ name, area }) => [`leak/${name}`, area])),
    'leak/most': Math.max(...known.map(({ area }) => area)),
  };
}
