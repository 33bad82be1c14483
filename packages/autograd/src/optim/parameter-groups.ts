import { keep, Tensor, ToolError } from '@dawngrad/tensor';
import { HYPER_WORDS } from '../kernels/group-hyper.wgsl.ts';
import type { ArenaSet, ArenaSlot, TrainableArena } from './arena-set.ts';

/** Hyperparameters of some of the parameters; what is absent is as in the optimizer's own options. */
export interface ParameterGroup {
  /** Names that belong to the group: a pattern where `*` stands for any characters, or a regular expression. */
  readonly match: string | RegExp;
  /** Factor of the learning rate. Default 1. */
  readonly lrScale?: number;
  /** Weight decay of every parameter that matches, marked for decay or not. */
  readonly weightDecay?: number;
  /** Decay of the first moment, or the momentum. */
  readonly beta1?: number;
  /** Decay of the second moment. */
  readonly beta2?: number;
}

/** The numbers of parameters that no group matches. An optimizer has no moments that it gives no number for. */
export interface DefaultHyper {
  readonly weightDecay: number;
  readonly beta1?: number;
  readonly beta2?: number;
}

/** The tables that kernels look hyperparameters up in (kernels/group-hyper.wgsl.ts): one an arena. */
export class GroupTables {
  readonly tensors: readonly Tensor[];
  /** Rows of hyperparameters before the groups of the slots. */
  readonly rows: number;

  /**
   * The first group that matches a parameter's name has it. Throws ToolError 'usage' for a group that matches
   * none, or sets what the optimizer does not have.
   *
   * @param extra words that a kernel wants behind the groups of the slots.
   */
  constructor(
    set: ArenaSet,
    groups: readonly ParameterGroup[],
    defaults: DefaultHyper,
    extra: (arena: TrainableArena) => Uint32Array = () => new Uint32Array(0),
  ) {
    for (const group of groups) {
      for (const name of ['beta1', 'beta2'] as const) {
        if (group[name] === undefined || defaults[name] !== undefined) continue;
        throw new ToolError('usage', {
          op: set.label,
          expected: 'settings that the optimizer has',
          got: `${name} of the group ${String(group.match)}`,
        });
      }
    }
    const patterns = groups.map(({ match }) => patternOf(match));
    const names = set.arenas.flatMap(({ slots }) => slots.map(({ name }) => name));
    const groupOf = (name: string): number => patterns.findIndex((pattern) => pattern.test(name));
    groups.forEach(({ match }, i) => {
      if (names.some((name) => groupOf(name) === i)) return;
      throw new ToolError('usage', {
        op: set.label,
        expected: `parameters of the group ${String(match)}`,
        got: `none of ${names.length} names that an earlier group does not have`,
        hint: `the names are ${names.slice(0, 6).join(', ')}${names.length > 6 ? ', ...' : ''}.`,
      });
    });
    // Two rows a group: without and with the optimizer's own weight decay.
    const all: Partial<ParameterGroup>[] = [{}, ...groups];
    const hyper = all.flatMap((group) => [false, true].flatMap((decays) => rowOf(group, defaults, decays)));
    this.rows = all.length * 2;
    const rowOfSlot = ({ name, decay }: ArenaSlot): number => 2 * (groupOf(name) + 1) + (decay ? 1 : 0);
    this.tensors = set.arenas.map((arena) => {
      const { values, slots } = arena;
      const more = extra(arena);
      const blocks = Math.ceil(values.size / 64);
      const words = new Uint32Array(hyper.length + blocks + more.length);
      words.set(more, hyper.length + blocks);
      new Float32Array(words.buffer).set(hyper);
      slots.forEach((slot, i) => {
        const end = slots[i + 1]?.offset ?? values.size;
        words.fill(rowOfSlot(slot), hyper.length + slot.offset / 64, hyper.length + end / 64);
      });
      return keep(Tensor.from(set.device, words, [words.length], 'u32', `${set.label}/groups`));
    });
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose();
  }
}

function rowOf(group: Partial<ParameterGroup>, defaults: DefaultHyper, decays: boolean): number[] {
  const { lrScale = 1, beta1 = defaults.beta1 ?? 0, beta2 = defaults.beta2 ?? 0 } = group;
  const decay = group.weightDecay ?? (decays ? defaults.weightDecay : 0);
  // ln 0 has no place in a kernel; e^-1e4 is 0 as well.
  const log = (beta: number): number => Math.max(Math.log(beta), -1e4);
  const row = [lrScale, decay, beta1, beta2, 1 - beta1, 1 - beta2, log(beta1), log(beta2)];
  if (row.length !== HYPER_WORDS) throw new RangeError('a row of the group table has another length in the kernel');
  return row;
}

function patternOf(match: string | RegExp): RegExp {
  if (match instanceof RegExp) return new RegExp(match.source, match.flags.replaceAll(/[gy]/g, ''));
  const parts = match.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
