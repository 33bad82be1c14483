import { ToolError } from '@dawngrad/tensor';
import type { Parameters } from '../parameters.ts';
import { Adafactor, type AdafactorOptions } from './adafactor.ts';
import { Adamw, type AdamwOptions } from './adamw.ts';
import { Adamw8bit } from './adamw-8bit.ts';
import { Muon, type MuonOptions } from './muon.ts';
import type { Optimizer } from './optimizer.ts';
import { Sgd, type SgdOptions } from './sgd.ts';

/** The options of each optimizer, by the name that configurations have for it. */
export interface OptimizerOptionsByName {
  adafactor: AdafactorOptions;
  adamw: AdamwOptions;
  adamw8bit: AdamwOptions;
  muon: MuonOptions;
  sgd: SgdOptions;
}

/** Names of the optimizers. */
export type OptimizerName = keyof OptimizerOptionsByName;

/** What an optimizer trains: one set of parameters, or several. */
export type Trainable = Parameters | readonly Parameters[];

const CREATORS: {
  readonly [Name in OptimizerName]: (parameters: Trainable, options: OptimizerOptionsByName[Name]) => Optimizer;
} = {
  adafactor: (parameters, options) => new Adafactor(parameters, options),
  adamw: (parameters, options) => new Adamw(parameters, options),
  adamw8bit: (parameters, options) => new Adamw8bit(parameters, options),
  muon: (parameters, options) => new Muon(parameters, options),
  sgd: (parameters, options) => new Sgd(parameters, options),
};

/** An optimizer by name. Throws ToolError 'usage' for a name that is none. */
export function createOptimizer<Name extends OptimizerName>(
  name: Name,
  parameters: Trainable,
  options: OptimizerOptionsByName[Name],
): Optimizer {
  if (!Object.hasOwn(CREATORS, name)) {
    const expected = `an optimizer: ${Object.keys(CREATORS).join(', ')}`;
    throw new ToolError('usage', { op: 'createOptimizer', expected, got: name });
  }
  return CREATORS[name](parameters, options);
}
