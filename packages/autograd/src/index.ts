export { accumulateGradients } from './backward.ts';
export { checkpoint } from './checkpoint.ts';
export { grad, valueAndGrad } from './grad.ts';
export type { AnyGradient, Gradient, GradientContext, InputGradients } from './gradient.ts';
export { noGrad, stopGradient } from './no-grad.ts';
export { Adamw, type AdamwOptions, type AdamwState, type StepStats } from './optim/adamw.ts';
export { type Schedule, type ScheduleOptions, schedule } from './optim/schedule.ts';
export { type Arena, type ParameterSpec, Parameters } from './parameters.ts';
export { Tape } from './tape.ts';
