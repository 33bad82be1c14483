/** Checks and records that cost time, off by default. */
export interface DebugSettings {
  /** Tapes remember where each op was applied, for the errors of gradients. */
  callSites: boolean;
  /** Ops that take indices check them on the device; the next readback reports the first that names no element. */
  checkIndices: boolean;
}

/** The settings in force; change them with `setDebug`. */
export const debug: DebugSettings = { callSites: false, checkIndices: false };

/** Switches debug settings on or off; those that are not named stay as they are. */
export function setDebug(settings: Partial<DebugSettings>): void {
  Object.assign(debug, settings);
}
