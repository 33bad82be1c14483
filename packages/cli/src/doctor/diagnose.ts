import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import {
  type AdapterDescription,
  type GateResult,
  gateDevice,
  type SelfTestResult,
  selfTest,
  ToolError,
} from '@dawngrad/tensor';
import { type DriverReport, driverReport } from '../driver-report.ts';
import { dawngradVersion, dawnVersion } from '../package-info.ts';

/** What `dawngrad doctor` finds. */
export interface Diagnosis {
  readonly schema: 1;
  readonly canTrain: boolean;
  /** Why not; empty where training can run. */
  readonly problems: readonly string[];
  /** What is worth knowing although training can run. */
  readonly notes: readonly string[];
  readonly dawngrad: string;
  readonly node: string;
  readonly platform: string;
  readonly dawn: string;
  /** Null where the process was started without the launcher. */
  readonly driver: DriverReport | null;
  readonly device: DeviceReport | null;
  readonly selfTest: readonly SelfTestResult[];
  /** Families of matmul kernels, and what is wrong with those that are not used here. */
  readonly kernelGate: readonly GateResult[];
  readonly disk: { readonly folder: string; readonly freeBytes: number };
  readonly memory: { readonly freeBytes: number; readonly totalBytes: number };
}

interface DeviceReport {
  readonly adapter: AdapterDescription;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** The limits that decide how large a model fits. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** A small run writes about this much; less is not worth starting with. */
const LEAST_DISK_BYTES = 200 * 2 ** 20;
const FEW_DISK_BYTES = 5 * 2 ** 30;

/**
 * Looks at what training needs and tries the device.
 *
 * @param folder where runs would be written
 * @param dawnFlags Dawn's own flags, such as `backend=vulkan`
 */
export async function diagnose(folder: string, dawnFlags: readonly string[] = []): Promise<Diagnosis> {
  const problems: string[] = [];
  const notes: string[] = [];
  const driver = driverReport(process.env);
  const { report, results, gate } = await examineDevice(dawnFlags, driver, problems);
  if (report?.adapter.isSoftware) {
    notes.push(
      `${report.adapter.description} computes on the CPU: training runs, 50 to 500 times slower than on a GPU.`,
    );
    if (/llvmpipe/i.test(report.adapter.description)) {
      notes.push('Dawn prints two warnings about dynamic buffer counts on this driver; they do no harm.');
    }
  }
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes < LEAST_DISK_BYTES)
    problems.push(`${folder} has ${mebibytes(freeBytes)} free; a run needs at least ${mebibytes(LEAST_DISK_BYTES)}.`);
  else if (freeBytes < FEW_DISK_BYTES)
    notes.push(`${folder} has only ${mebibytes(freeBytes)} free; checkpoints of larger models will not fit.`);
  return {
    schema: 1,
    canTrain: problems.length === 0,
    problems,
    notes,
    dawngrad: dawngradVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    dawn: dawnVersion(),
    driver: driver ?? null,
    device: report,
    selfTest: results,
    kernelGate: gate,
    disk: { folder, freeBytes },
    memory: { freeBytes: freemem(), totalBytes: totalmem() },
  };
}

/** Opens the device, tests it and closes it; adds to `problems` what goes wrong. */
async function examineDevice(
  flags: readonly string[],
  driver: DriverReport | undefined,
  problems: string[],
): Promise<{ report: DeviceReport | null; results: readonly SelfTestResult[]; gate: readonly GateResult[] }> {
  const nothing = { report: null, results: [], gate: [] };
  const tensor = await loadDawn(problems);
  if (tensor === undefined) return nothing;
  try {
    using device = await tensor.openDevice({ flags, timeoutMs: 30_000 });
    const limits = Object.fromEntries(LIMITS.map((name) => [name, device.limits[name]]));
    const report = { adapter: device.adapter, features: [...device.features].sort(), limits };
    const results = await selfTest(device);
    for (const { name, outcome, detail } of results) {
      if (outcome === 'failed') problems.push(`self-test "${name}" failed: ${detail}`);
    }
    return { report, results, gate: await gateDevice(device) };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    problems.push(error.code === 'no-adapter' ? noAdapterText(error, driver) : error.message);
    return nothing;
  }
}

/** What to do about a missing adapter: the launcher knows best, as it has tried every driver. */
function noAdapterText({ detail }: ToolError, driver: DriverReport | undefined): string {
  if (driver?.kind === 'none' && driver.reason !== '') return driver.reason;
  const { expected, got } = detail;
  return `expected ${expected}, got ${got}. Hint: start doctor with the \`dawngrad\` command, which sees to a driver.`;
}

/** Dawn is a native addon: importing it fails where npm brought no binary for this platform. */
async function loadDawn(problems: string[]): Promise<typeof import('@dawngrad/tensor/node') | undefined> {
  try {
    return await import('@dawngrad/tensor/node');
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    problems.push(
      `Dawn cannot be loaded: ${reason}. Hint: reinstall the dependencies with \`npm ci\` on this machine.`,
    );
    return undefined;
  }
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`;
}
