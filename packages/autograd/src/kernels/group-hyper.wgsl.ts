import type { KernelBinding } from '@dawngrad/tensor';

/*
 * The hyperparameters of a parameter, from its group. One buffer of words holds a row of 8 numbers a group and
 * then the group of each slot of 64 elements; so the number of groups changes neither the kernel nor the number
 * of launches.
 *
 * Numerics 1 - beta and ln(beta) come from the host in float64: 1 - f32(0.999) is off by 5e-5 of itself. The
 *          correction 1 - beta^t is -expm1(t ln beta), by its series near 0, where 1 - exp would cancel.
 */
export const HYPER_WORDS = 8;

export const HYPER_BINDING: KernelBinding = { name: 'groupTable', access: 'read', element: 'u32' };

/** `hyperOf(element)` and `biasCorrection(logBeta, t)`; the kernel has the parameter `groupRows`. */
export const HYPER_FUNCTIONS: string = `
struct Hyper {
  lrScale: f32, decay: f32, beta1: f32, beta2: f32, rest1: f32, rest2: f32, logBeta1: f32, logBeta2: f32,
}
fn hyperOf(element: u32) -> Hyper {
  let row = groupTable[params.groupRows * ${HYPER_WORDS}u + element / 64u] * ${HYPER_WORDS}u;
  return Hyper(
    bitcast<f32>(groupTable[row]), bitcast<f32>(groupTable[row + 1u]),
    bitcast<f32>(groupTable[row + 2u]), bitcast<f32>(groupTable[row + 3u]),
    bitcast<f32>(groupTable[row + 4u]), bitcast<f32>(groupTable[row + 5u]),
    bitcast<f32>(groupTable[row + 6u]), bitcast<f32>(groupTable[row + 7u]));
}
fn biasCorrection(logBeta: f32, t: f32) -> f32 {
  let z = t * logBeta;
  let series = z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0 * (1.0 + z / 7.0))))));
  return -select(exp(z) - 1.0, series, z > -0.5);
}
`;
