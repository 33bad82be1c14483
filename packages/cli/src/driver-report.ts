/** What the launcher says about the adapter it chose (environment variable DAWNGRAD_DRIVER). */
export interface DriverReport {
  /** hardware, system, lavapipe, swiftshader, or none. */
  readonly kind: string;
  readonly name: string;
  readonly reason: string;
  readonly rejected: readonly { readonly kind: string; readonly reason: string }[];
}

/** The report in an environment; undefined where this process was not started by the launcher. */
export function driverReport(env: NodeJS.ProcessEnv): DriverReport | undefined {
  if (!env.DAWNGRAD_DRIVER) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(env.DAWNGRAD_DRIVER);
  } catch {
    // Set by hand to something else: as good as not set.
    return undefined;
  }
  if (!isRecord(parsed) || typeof parsed.kind !== 'string') return undefined;
  const rejected = Array.isArray(parsed.rejected) ? parsed.rejected.filter(isRecord) : [];
  return {
    kind: parsed.kind,
    name: text(parsed.name),
    reason: text(parsed.reason),
    rejected: rejected.map((entry) => ({ kind: text(entry.title ?? entry.kind), reason: text(entry.reason) })),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
