/** What one cell of a transfer matrix is about. */
export interface TransferLabel {
  /** Backbone of the critic, such as qwen7b. */
  readonly arch: string;
  /** How the critic was trained, such as interval. */
  readonly variant: string;
  /** Domain of the policy and its samples, and domain that the critic was trained on. */
  readonly policyDomain: string;
  readonly rewardDomain: string;
  /** Sampling temperature; null where the label has none. */
  readonly temperature: number | null;
}

/** Domains have no underscore, since that would leave the label's parts unclear. */
const LABEL = /transfer_([A-Za-z0-9.-]+)_([A-Za-z0-9._-]+)_P_([A-Za-z0-9.-]+)_R_([A-Za-z0-9.-]+?)(?:_t(\d+)p(\d+))?$/;

/** `transfer_{arch}_{variant}_P_{P}_R_{R}_t0p5`. */
export function transferLabel({ arch, variant, policyDomain, rewardDomain, temperature }: TransferLabel): string {
  const label = `transfer_${arch}_${variant}_P_${policyDomain}_R_${rewardDomain}`;
  if (temperature === null) return label;
  const number = Number.isInteger(temperature) ? `${temperature}.0` : String(temperature);
  return `${label}_t${number.replace('.', 'p')}`;
}

/** The parts of a label; undefined for another text. */
export function parseTransferLabel(text: string): TransferLabel | undefined {
  const [, arch, variant, policyDomain, rewardDomain, whole, part] = LABEL.exec(text) ?? [];
  if (arch === undefined || variant === undefined || policyDomain === undefined || rewardDomain === undefined) {
    return undefined;
  }
  const temperature = whole === undefined ? null : Number(`${whole}.${part}`);
  return { arch, variant, policyDomain, rewardDomain, temperature };
}
