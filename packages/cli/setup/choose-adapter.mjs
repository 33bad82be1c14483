/** @typedef {import('./probe-launch.mjs').Launch} Launch */
/** @typedef {import('./probe-launch.mjs').ProbeResult} ProbeResult */
/** @typedef {import('./probe-launch.mjs').ProbedAdapter} ProbedAdapter */
/** @typedef {'hardware' | 'system' | 'lavapipe' | 'lavapipe-backports' | 'swiftshader'} DriverKind */

/**
 * One way to get an adapter.
 *
 * @typedef {object} Candidate
 * @property {DriverKind} kind
 * @property {string} title what the user reads, such as "hardware adapter"
 * @property {() => Promise<Launch> | Launch} prepare makes it ready, downloading if need be; throws an Error whose
 *   message says why it cannot be had
 * @property {(adapter: ProbedAdapter) => string | undefined} [refuse] a reason not to take a working adapter
 */

/** @typedef {{ kind: DriverKind, title: string, reason: string }} Rejection */

/**
 * @typedef {object} Choice
 * @property {DriverKind} kind
 * @property {string} name the adapter's own name
 * @property {string} reason why this one was taken
 * @property {Rejection[]} rejected the candidates before it, in order, and why each was not taken
 * @property {Launch} launch
 */

/** No candidate gives a working adapter; `rejected` says why, one entry for each. */
export class NoAdapterError extends Error {
  /** @param {Rejection[]} rejected */
  constructor(rejected) {
    super('no candidate gives a working adapter');
    this.name = 'NoAdapterError';
    this.rejected = rejected;
  }
}

/**
 * Takes the first candidate whose adapter really computes.
 *
 * @param {readonly Candidate[]} candidates in order of preference
 * @param {(launch: Launch) => Promise<ProbeResult>} probe
 * @returns {Promise<Choice>}
 * @throws {NoAdapterError} where none does
 */
export async function chooseAdapter(candidates, probe) {
  /** @type {Rejection[]} */
  const rejected = [];
  for (const candidate of candidates) {
    const { kind, title } = candidate;
    /** @type {Launch} */
    let launch;
    try {
      launch = await candidate.prepare();
    } catch (error) {
      rejected.push({ kind, title, reason: error instanceof Error ? error.message : String(error) });
      continue;
    }
    const result = await probe(launch);
    if (!result.ok) {
      rejected.push({ kind, title, reason: result.reason });
      continue;
    }
    const refusal = candidate.refuse?.(result.adapter);
    if (refusal !== undefined) {
      rejected.push({ kind, title, reason: refusal });
      continue;
    }
    const reason = candidates.length === 1 ? 'the only one asked for' : 'the first that computes a known answer';
    return { kind, name: result.adapter.name, reason, rejected, launch };
  }
  throw new NoAdapterError(rejected);
}
