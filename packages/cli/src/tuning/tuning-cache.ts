import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Device, ToolError, type TuningOrigin, TuningTable } from '@dawngrad/tensor';
import { driverReport } from '../driver-report.ts';
import { dawnVersion } from '../package-info.ts';

/** What a measurement on this device holds for. */
export function tuningOrigin(device: Device): TuningOrigin {
  return {
    adapter: device.adapter.description || device.adapter.device,
    driver: driverReport(process.env)?.name ?? '',
    dawn: dawnVersion(),
  };
}

/** Where the picks for a device are kept, in the user's cache folder: one file an adapter, driver and Dawn version. */
export function tuningFile(origin: TuningOrigin, env: NodeJS.ProcessEnv = process.env): string {
  const base =
    env.XDG_CACHE_HOME ||
    (process.platform === 'darwin' ? join(homedir(), 'Library/Caches') : join(homedir(), '.cache'));
  const name = [origin.adapter, origin.driver, origin.dawn].join('-').replaceAll(/[^\w.]+/g, '-');
  return join(base, 'dawngrad', 'tuning', `${name.slice(0, 180)}.json`);
}

/**
 * The saved picks for a device; undefined where there are none. A file that is damaged or of something else is
 * passed over with a note: a run must not fail for what only makes it faster.
 */
export function loadTuning(device: Device, note: (text: string) => void): TuningTable | undefined {
  const origin = tuningOrigin(device);
  const file = tuningFile(origin);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const table = TuningTable.fromJSON(JSON.parse(text), file);
    const isOurs = JSON.stringify(table.origin) === JSON.stringify(origin);
    if (!isOurs) note(`the tuning table ${file} is of another adapter or driver and is not used`);
    return isOurs ? table : undefined;
  } catch (error) {
    if (!(error instanceof ToolError) && !(error instanceof SyntaxError)) throw error;
    note(`the tuning table ${file} is damaged and is not used; dawngrad bench tune --save makes a new one`);
    return undefined;
  }
}

/** Adds the picks of `table` to the saved ones, in one step: a reader finds the old file or the new one. */
export function saveTuning(device: Device, table: TuningTable, note: (text: string) => void): string {
  const file = tuningFile(tuningOrigin(device));
  mkdirSync(join(file, '..'), { recursive: true });
  const merged = loadTuning(device, note)?.mergedWith(table) ?? table;
  const fresh = `${file}.${process.pid}.tmp`;
  writeFileSync(fresh, `${JSON.stringify(merged, null, 2)}\n`);
  renameSync(fresh, file);
  return file;
}
