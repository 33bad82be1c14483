export { gradientTable } from '../grads/table.ts';
export { numericalGradient } from './numerical-gradient.ts';
