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

What a trainer writes to \`metrics.jsonl\`, one object a row. A trainer writes the keys that apply to it.
\`dawngrad metrics KEY\` prints an entry. Where a value is outside its alarm's bounds for as many rows as the alarm says,
the run prints one warning.

A row has the time since the row before: \`step_time\` is that of the step (\`time/rollout\`, \`time/critic\`,
\`time/reward\` and \`time/update\`), \`time/eval\` is the evaluation after it and \`time/save\` the checkpoint before it; the
shares are of all of these. Rates by phase count completion tokens by that phase's time.

## Progress

\`irl    120/500  24% | R 0.412±0.30 | acc 0.38 | critic 0.81 | roll 61 crit 8 score 10 upd 20% | 4.1k tok/s | eta 3h08m\`
has the shares of the phases in percent; while a step goes on, \`rollout 31/64 2.1k tok\` is in their place. The time left
is that of the whole run: the steps at the pace of the last 64 without the slowest, and the evaluations and checkpoints
that are still to come. A plus after it says that a later stage (the rounds, in a critic's warm-up) is not counted yet.
Without a terminal there is a line every five seconds at first, one a minute in long runs, and no control codes. The
first Ctrl-C says that the step is finished and saved; a second one ends the process.

## Sinks

\`metrics.jsonl\` always has every row. \`run.report_to\` adds (nothing is added, and no connection made, unless it is set):

- \`tensorboard\`: an event file in \`tensorboard/\` of the run folder. \`tensorboard --logdir runs\` shows it.
- \`mlflow\`: a tracking server at \`run.tracking_uri\` (or \`MLFLOW_TRACKING_URI\`; \`MLFLOW_TRACKING_TOKEN\`, or
  \`MLFLOW_TRACKING_USERNAME\` and \`_PASSWORD\`), under \`run.experiment\`. Values are sent in the background; a server
  that is away or slow delays nothing, and what it missed is sent once it is back.

The updates of a critic's warm-up, which all have step 0, are charts of their own there: \`warmup/...\` by the number of
the update. A run that goes back to a checkpoint leaves no step twice: the event file is cut as metrics.jsonl is, and
the server is not sent again what it has (steps that a roll-back within a start does again are, since they may differ).
Weights & Biases is not offered: its offline format is internal to its client, and a file that only that client can
check is not one to promise. Its client can import TensorBoard's event files.
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
