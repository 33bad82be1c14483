export { gradientTable } from '../grads/table.ts';
export { checkOp, type OpCheck } from './check-op.ts';
export { inputSize, numericalCurvature } from './numerical-curvature.ts';
export { numericalGradient } from './numerical-gradient.ts';
