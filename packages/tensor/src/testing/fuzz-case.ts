import type { AnyOpDef, OpSample } from '../op.ts';
import { Draw } from './draw.ts';
import { dtypesOf, inDType } from './dtype-samples.ts';
import { fuzzSample } from './fuzz-sample.ts';
import { randomLayout } from './layout.ts';
import type { SampleCase } from './run-samples.ts';

/** The fuzzed call of an op that belongs to a seed: shapes, values, attributes, element type, layout of each input. */
export function fuzzCase(def: AnyOpDef, seed: number): SampleCase {
  const draw = new Draw(seed);
  const drawn = fuzzSample(def, draw);
  const sample = otherType(def, drawn, draw);
  return { def, sample, layouts: sample.inputs.map(({ shape }) => randomLayout(draw, shape.length)) };
}

/** The sample in a random element type that the op takes with these attributes. */
function otherType(def: AnyOpDef, sample: OpSample<unknown>, draw: Draw): OpSample<unknown> {
  const converted = inDType(sample, draw.of(dtypesOf(def)));
  if (converted === undefined) return sample;
  try {
    def.infer(
      converted.inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? 'f32' })),
      converted.attrs,
    );
    return converted;
  } catch {
    return sample;
  }
}

/** A case in words, with everything that a person needs to write it down as a test. */
export function describeCase({ sample, layouts }: SampleCase): string {
  const inputs = sample.inputs.map(
    ({ shape, dtype }, i) => `${dtype ?? 'f32'}[${shape}]${layouts?.[i] ? ` (${layouts[i].name})` : ''}`,
  );
  const attrs = sample.attrs === undefined ? '' : ` with ${JSON.stringify(sample.attrs)?.slice(0, 300)}`;
  return `${sample.name}: ${inputs.join(', ')}${attrs}`;
}
