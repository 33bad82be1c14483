import { plainText } from '../ui/plain-text.ts';
import type { Diagnosis } from './diagnose.ts';

const LABEL_WIDTH = 12;

/** The report for people: what was found, the self-test, the verdict. */
export function diagnosisText(diagnosis: Diagnosis): string {
  const { device, driver, disk, memory } = diagnosis;
  const lines = [
    row('dawngrad', diagnosis.dawngrad),
    row('node', `${diagnosis.node} on ${diagnosis.platform}`),
    row('dawn', `webgpu ${diagnosis.dawn}`),
  ];
  if (device === null) {
    lines.push(row('adapter', 'none that works'));
  } else {
    const { adapter, features, limits } = device;
    const names = [adapter.vendor, adapter.architecture, adapter.device].filter((name) => name !== '');
    lines.push(
      row('adapter', `${adapter.description} (${names.join(', ')}; ${adapter.isSoftware ? 'software' : 'hardware'})`),
      row('features', features.join(', ')),
      ...Object.entries(limits).map(([name, value], i) =>
        row(i === 0 ? 'limits' : '', `${name} ${limitText(name, value)}`),
      ),
    );
  }
  if (driver === null) {
    lines.push(row('driver', 'as the system offers it (not started by the dawngrad launcher)'));
  } else if (driver.kind === 'none') {
    lines.push(row('driver', 'none'));
  } else {
    const reason = driver.reason.split('\n')[0] ?? '';
    lines.push(row('driver', `${driver.kind}${reason === '' ? '' : `: ${reason}`}`));
    lines.push(...driver.rejected.map(({ kind, reason: why }) => row('', `not ${kind}: ${why}`)));
  }
  lines.push(
    ...diagnosis.selfTest.map(({ name, outcome, detail, milliseconds }, i) =>
      row(i === 0 ? 'self-test' : '', `${outcome.padEnd(7)} ${name}: ${detail} (${milliseconds.toFixed(0)} ms)`),
    ),
    ...diagnosis.kernelGate.map(({ family, refused }, i) =>
      row(i === 0 ? 'kernels' : '', refused === undefined ? `passed  ${family}` : `refused ${family}: ${refused}`),
    ),
    row('disk', `${gibibytes(disk.freeBytes)} free in ${disk.folder}`),
    row('memory', `${gibibytes(memory.freeBytes)} free of ${gibibytes(memory.totalBytes)}`),
    ...diagnosis.notes.map((note) => row('note', note)),
    ...diagnosis.problems.map((problem) => row('problem', problem)),
    diagnosis.canTrain ? 'Training can run on this machine.' : 'Training cannot run on this machine.',
  );
  return `${plainText(lines.join('\n'))}\n`;
}

function row(label: string, value: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${value.replaceAll('\n', `\n${' '.repeat(LABEL_WIDTH)}`)}`;
}

function limitText(name: string, value: number): string {
  return /Size$/.test(name) && value >= 2 ** 20 ? `${Math.floor(value / 2 ** 20)} MiB` : String(value);
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
