import { Parameters } from '@dawngrad/autograd';

/** A frozen copy of parameters, with the same names and shapes. */
export function copyParameters(source: Parameters, label: string): Parameters {
  const specs = source.names.map((name) => source.spec(name));
  const copy = new Parameters(source.device, label, specs, { trainable: false });
  copy.copyFrom(source);
  return copy;
}
