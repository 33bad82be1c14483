export { accumulateGradients } from './backward.ts';
export { checkpoint } from './checkpoint.ts';
export { grad, valueAndGrad } from './grad.ts';
export type { AnyGradient, Gradient, GradientContext, InputGradients, TotalGradient } from './gradient.ts';
export { noGrad, stopGradient } from './no-grad.ts';
export { Adafactor, type AdafactorOptions } from './optim/adafactor.ts';
export { Adamw, type AdamwOptions, type AdamwState } from './optim/adamw.ts';
export { Adamw8bit } from './optim/adamw-8bit.ts';
export {
  createOptimizer,
  type OptimizerName,
  type OptimizerOptionsByName,
  type Trainable,
} from './optim/create-optimizer.ts';
export { Muon, type MuonOptions } from './optim/muon.ts';
export { type Optimizer, type OptimizerState, type StepStats, stepStats } from './optim/optimizer.ts';
export type { OptimizerOptions } from './optim/optimizer-parts.ts';
export type { ParameterGroup } from './optim/parameter-groups.ts';
export { type Schedule, type ScheduleKind, type ScheduleOptions, schedule } from './optim/schedule.ts';
export { Sgd, type SgdOptions } from './optim/sgd.ts';
export { type Arena, type ParameterSpec, Parameters } from './parameters.ts';
export { Tape } from './tape.ts';
