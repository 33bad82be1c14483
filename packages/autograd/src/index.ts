export { accumulateGradients } from './backward.ts';
export type { AnyGradient, Gradient, GradientContext, InputGradients } from './gradient.ts';
export { Adamw, type AdamwOptions, type AdamwState, type StepStats } from './optim/adamw.ts';
export { type Schedule, type ScheduleOptions, schedule } from './optim/schedule.ts';
export { type Arena, type ParameterSpec, Parameters } from './parameters.ts';
export { grad, Tape } from './tape.ts';
