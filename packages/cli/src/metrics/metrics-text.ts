import type { NamedMetric } from './select-metrics.ts';

/** The dictionary for a terminal: key and unit, then what it means, what is healthy and what to do otherwise. */
export function metricsText(metrics: readonly NamedMetric[]): string {
  return metrics
    .map((metric) => {
      const lines = [metric.meaning];
      if (metric.healthy !== undefined) lines.push(`healthy: ${healthyText(metric)}`);
      if (metric.alarm !== undefined) lines.push(`alarm: ${alarmText(metric)}`);
      if (metric.remedy !== undefined) lines.push(`then: ${metric.remedy}`);
      return `${metric.key} (${metric.unit})\n${lines.map((line) => `  ${line}\n`).join('')}`;
    })
    .join('');
}

/** The dictionary as the page docs/metrics.md, one table for each first part of the keys. */
export function metricsMarkdown(metrics: readonly NamedMetric[]): string {
  const groups = new Map<string, NamedMetric[]>();
  for (const metric of metrics) {
    const prefix = metric.key.includes('/') ? `${metric.key.split('/')[0]}/` : '';
    groups.set(prefix, [...(groups.get(prefix) ?? []), metric]);
  }
  const tables = [...groups].map(([prefix, members]) => {
    const rows = members.map((metric) => {
      const cells = [`\`${metric.key}\``, metric.unit, metric.meaning, healthyText(metric), alarmText(metric)];
      return `| ${[...cells, metric.remedy ?? ''].map(cell).join(' | ')} |\n`;
    });
    const title = prefix === '' ? 'Every trainer' : `\`${prefix}\``;
    return `\n## ${title}\n\n| key | unit | meaning | healthy | alarm | what to do |\n|---|---|---|---|---|---|\n${rows.join('')}`;
  });
  return `${INTRODUCTION}${tables.join('')}`;
}

const INTRODUCTION = `# Metrics

<!-- Written by \`dawngrad metrics --markdown > docs/metrics.md\`; a test compares it. -->

What a trainer writes to \`metrics.jsonl\`, one object a row, and to the sinks of \`run.report_to\`. A trainer writes the
keys that apply to it. \`dawngrad metrics KEY\` prints an entry. Where a value is outside its alarm's bounds for as many
rows as the alarm says, the run prints one warning with the last column.

A row has the time since the row before: \`step_time\` is that of the step (\`time/rollout\`, \`time/critic\`,
\`time/reward\` and \`time/update\`), \`time/eval\` is the evaluation after it and \`time/save\` the checkpoint before it; the
shares are of all of these. Rates by phase count completion tokens by that phase's time.
`;

function healthyText({ healthy }: NamedMetric): string {
  if (healthy === undefined) return 'any';
  if (typeof healthy === 'string') return healthy;
  const [least, most] = healthy;
  if (least === null) return most === null ? 'any' : `at most ${most}`;
  if (most === null) return `at least ${least}`;
  return least === most ? `${least}` : `${least} to ${most}`;
}

function alarmText({ alarm }: NamedMetric): string {
  if (alarm === undefined) return '';
  const bounds = [
    ...(alarm.below === undefined ? [] : [`below ${alarm.below}`]),
    ...(alarm.above === undefined ? [] : [`above ${alarm.above}`]),
  ].join(' or ');
  return alarm.steps === undefined ? bounds : `${bounds}, ${alarm.steps} rows in a row`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
