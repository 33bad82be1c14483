import { formatMib, type MemoryOwner } from './memory-report.ts';

/** True for the label of a buffer that holds temporaries of a compiled step. */
export function isArena(label: string): boolean {
  return label.startsWith('tensor/plan-arena-');
}

/** Something that a user can do about a full memory. */
interface MemoryRemedy {
  readonly action: string;
  /** What it frees. */
  readonly bytes: number;
  /** True where `bytes` rests on an assumption that `action` states. */
  readonly isEstimate: boolean;
}

/** A refused allocation and what the ledger knows beside it. */
export interface MemoryShortage {
  /** Bytes that were asked for, and under which label. */
  readonly requestedBytes: number;
  readonly label: string;
  /** Bytes above the budget that the allocation would have led to. */
  readonly shortBytes: number;
  /** Bytes of free buffers that cannot be given up yet, since recorded launches use them. */
  readonly waitingBytes: number;
  /** Live bytes, arenas apart, that were allocated since the outermost open scope began; undefined outside of one. */
  readonly scopeBytes: number | undefined;
  /** Live bytes by label, largest first. */
  readonly owners: readonly MemoryOwner[];
}

/**
 * What would help, the cheapest for the user first: to submit costs nothing, to dispose of a compiled step costs
 * its compilation, a smaller batch costs throughput, and an owner has to give something up. Remedies that free
 * nothing are left out. How much of a scope's memory grows with the batch cannot be known here, hence "if".
 */
function memoryRemedies(shortage: MemoryShortage): MemoryRemedy[] {
  const { owners, waitingBytes, scopeBytes, requestedBytes, label } = shortage;
  const arenas = owners.filter((owner) => isArena(owner.label));
  const arenaBytes = arenas.reduce((total, { bytes }) => total + bytes, 0);
  // Outside of a scope only the arena of a step that is being compiled is known to hold activations.
  const isStep = scopeBytes !== undefined || isArena(label);
  const batchBytes = isStep ? (scopeBytes ?? 0) + requestedBytes : 0;
  const remedies: MemoryRemedy[] = [
    {
      action: 'submit first (await device.flush()), which gives free buffers up that recorded launches still use',
      bytes: waitingBytes,
      isEstimate: false,
    },
    { action: 'dispose of all compiled steps, for their arenas', bytes: arenaBytes, isEstimate: false },
    {
      action: `halve the batch, if the ${formatMib(batchBytes)} of this step grow with it`,
      bytes: batchBytes / 2,
      isEstimate: true,
    },
    ...owners
      .filter((owner) => !isArena(owner.label))
      .map((owner) => ({
        action: `dispose of ${owner.label} (${owner.count} ${owner.count === 1 ? 'buffer' : 'buffers'})`,
        bytes: owner.bytes,
        isEstimate: false,
      })),
  ];
  return remedies.filter(({ bytes }) => bytes > 0);
}

/** The three cheapest remedies with what they free, and whether one alone is enough. */
export function describeRemedies(shortage: MemoryShortage): string {
  const { shortBytes } = shortage;
  const lines = memoryRemedies(shortage)
    .slice(0, 3)
    .map(({ action, bytes, isEstimate }, i) => {
      const amount = `${isEstimate ? 'about ' : ''}${formatMib(bytes)}`;
      return `(${i + 1}) ${action}: ${amount}${bytes >= shortBytes ? ', enough' : ''}`;
    });
  const last = `${lines.length > 0 ? 'Or open' : 'Open'} the device with a larger budgetBytes (DAWNGRAD_MEMORY_GIB).`;
  return [`${formatMib(shortBytes)} are missing.`, ...(lines.length > 0 ? [`${lines.join('; ')}.`] : []), last].join(
    ' ',
  );
}
