import { ConfigError, type ConfigFault } from '../config/config-error.ts';
import { fillPlaceholders } from './placeholders.ts';
import type { GraphStage, StageInput } from './stage-graph.ts';
import type { AxisValue, AxisValues, Condition, SweepFile } from './sweep-file.ts';

/** One job: a stage at a point of its axes. */
export interface StageInstance {
  readonly stage: GraphStage;
  readonly values: AxisValues;
  /** The jobs that it takes from; several where axes are gathered. */
  readonly inputs: ReadonlyMap<string, readonly StageInstance[]>;
}

/**
 * The jobs of a sweep, each after those that it depends on: every stage at every point of its axes that no condition
 * leaves out, for itself or for a stage that it takes from at the same point. Throws ConfigError where a job takes from
 * another point, and there is nothing.
 */
export function expandStages(file: SweepFile, graph: readonly GraphStage[]): StageInstance[] {
  const faults: ConfigFault[] = [];
  const byStage = new Map<string, StageInstance[]>();
  for (const stage of graph) {
    const { only, skip } = stage.spec;
    const points = pointsOf(file, stage.axes).filter(
      (values) =>
        matches(values, only) &&
        !skip.some((condition) => matches(values, condition)) &&
        !file.exclude.some((condition) => matches(values, condition)),
    );
    const instances: StageInstance[] = [];
    for (const values of points) {
      const inputs = new Map<string, readonly StageInstance[]>();
      let isLeftOut = false;
      for (const [key, input] of stage.inputs) {
        const found = taken(byStage.get(input.stage) as StageInstance[], input, values);
        inputs.set(key, found);
        if (found.length > 0) continue;
        // At the same points of its axes the stage is left out by conditions, and what takes from it with it.
        if (Object.keys(input.at).length === 0) {
          isLeftOut = true;
          continue;
        }
        faults.push({
          place: `${file.path}:${file.lineOf(['stages', stage.name])}`,
          key: `stages.${stage.name}`,
          message: `${labelOf(stage.name, values)} needs the stage ${input.stage} where it is left out; leave it out there too, with skip or only.`,
        });
      }
      if (!isLeftOut) instances.push({ stage, values, inputs });
    }
    byStage.set(stage.name, instances);
  }
  if (faults.length > 0) throw new ConfigError(file.path, faults);
  return [...byStage.values()].flat();
}

/** `irl model=qwen3b seed=1`. */
export function labelOf(stage: string, values: AxisValues): string {
  return [stage, ...Object.entries(values).map(([axis, value]) => `${axis}=${value}`)].join(' ');
}

function taken(candidates: readonly StageInstance[], { at, gather }: StageInput, values: AxisValues): StageInstance[] {
  return candidates.filter((candidate) =>
    candidate.stage.axes.every((axis) => {
      if (gather.includes(axis)) return true;
      const wanted = axis in at ? fillPlaceholders(at[axis], ({ name }) => values[name]) : values[axis];
      return candidate.values[axis] === wanted;
    }),
  );
}

/** The product of the grid and of the pairs, as far as it can be told apart by `axes`, in the order of the file. */
function pointsOf(file: SweepFile, axes: readonly string[]): AxisValues[] {
  const grid = Object.entries(file.axes).map(([axis, values]) => ({ [axis]: values }));
  let points: AxisValues[] = [{}];
  for (const group of [...grid, ...file.paired]) {
    const own = Object.keys(group).filter((axis) => axes.includes(axis));
    if (own.length === 0) continue;
    const rows = (group[own[0] as string] as AxisValue[]).map((_, i) =>
      Object.fromEntries(own.map((axis) => [axis, (group[axis] as AxisValue[])[i] as AxisValue])),
    );
    // Of several rows that differ in axes of other stages only, one.
    const distinct = [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
    points = points.flatMap((point) => distinct.map((row) => ({ ...point, ...row })));
  }
  return points;
}

/** A condition on an axis that the stage does not have holds nowhere. */
function matches(values: AxisValues, condition: Condition): boolean {
  return Object.entries(condition).every(([axis, wanted]) => {
    const value = values[axis];
    if (value === undefined) return false;
    return Array.isArray(wanted) ? wanted.includes(value) : wanted === value;
  });
}
