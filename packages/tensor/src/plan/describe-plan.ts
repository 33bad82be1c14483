import type { Storage } from '../gpu/buffer-pool.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import type { Plan } from './plan.ts';

interface Row {
  readonly program: string;
  readonly grid: string;
  readonly flops: number | undefined;
  readonly bytes: number;
  readonly microseconds: number | undefined;
}

/**
 * A plan as text that reads like the program: one line a launch, with its result, its operands, workgroups,
 * floating-point operations (where the op states them), bytes and, where it was measured, time.
 * Temporaries are t0, t1, ...; arguments in0, ...; results out0, ...; all else stands with its label.
 *
 * @param microseconds time of each launch on the device, in order.
 */
export function describePlan(plan: Plan, microseconds?: readonly number[]): string {
  const names = new Names(plan);
  const rows = plan.launches.map(
    (launch, i): Row => ({
      program: programLine(launch, names),
      grid: launch.workgroups.join('x'),
      flops: launch.info?.flops,
      bytes: launch.info?.bytes ?? launch.bindings.reduce((total, { size }) => total + size, 0),
      microseconds: microseconds?.[i],
    }),
  );
  const widest = Math.min(110, Math.max(0, ...rows.map(({ program }) => program.length)));
  const grids = Math.max(0, ...rows.map(({ grid }) => grid.length));
  const lines = rows.map(({ program, grid, flops, bytes, microseconds: time }, i) =>
    [
      String(i).padStart(4),
      program.padEnd(widest),
      grid.padStart(grids),
      (flops === undefined ? '' : `${scaled(flops)}FLOP`).padStart(11),
      `${scaled(bytes)}B`.padStart(9),
      ...(time === undefined ? [] : [`${time.toFixed(1)} us`.padStart(11)]),
    ].join('  '),
  );
  return `${header(plan, microseconds)}\n${lines.join('\n')}\n`;
}

function header(plan: Plan, microseconds: readonly number[] | undefined): string {
  const total = microseconds?.reduce((sum, time) => sum + time, 0);
  return [
    `plan: ${plan.launches.length} launches (${plan.recordedLaunches} recorded)`,
    `arenas of ${scaled(plan.arenaBytes)}B`,
    ...(total === undefined ? [] : [`${(total / 1000).toFixed(2)} ms on the device`]),
  ].join(', ');
}

/** `t3 = linear+bias(in0, weights, t1)`. */
function programLine(launch: RecordedLaunch, names: Names): string {
  const { kernel, bindings, info } = launch;
  const [outputs, inputs]: [string[], string[]] = [[], []];
  bindings.forEach((binding, i) => {
    (kernel.bindings[i]!.access === 'read' ? inputs : outputs).push(names.of(binding.storage, binding.offset));
  });
  const results = outputs.join(', ');
  // A composition is a formula over its operands already.
  if (info?.kind === 'pointwise' && info.expression.name.includes('(')) {
    return `${results} = ${info.expression.name.replaceAll(/\bx(\d+)\b/g, (_, i: string) => inputs[Number(i)] ?? '?')}`;
  }
  return `${results} = ${kernel.label.replace(/^\w+\//, '')}(${inputs.join(', ')})`;
}

function scaled(value: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (value >= size) return `${(value / size).toFixed(value >= 100 * size ? 0 : 1)} ${unit}`;
  }
  return `${value.toFixed(0)} `;
}

/** Short names of buffers, given in the order in which a plan meets them. */
class Names {
  readonly #names = new Map<Storage, string>();
  #temporaries = 0;

  constructor(plan: Plan) {
    plan.ports.inputs.forEach((storage, i) => {
      this.#names.set(storage, `in${i}`);
    });
    plan.ports.outputs.forEach((storage, i) => {
      this.#names.set(storage, `out${i}`);
    });
  }

  of(storage: Storage, offset: number): string {
    const known = this.#names.get(storage) ?? (storage.isVirtual ? `t${this.#temporaries++}` : storage.label);
    this.#names.set(storage, known);
    return offset > 0 ? `${known}[${offset / 4}..]` : known;
  }
}
