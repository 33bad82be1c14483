import { DecoderModel } from '@dawngrad/models';

/** The frozen policy that the divergence is measured from. */
export interface ReferencePolicy {
  readonly model: DecoderModel;
  /** Whether the model's adapters, if any, belong to it. */
  readonly adapters: boolean;
  dispose(): void;
}

/**
 * The policy as it is now. Where adapters are trained it reads the same weights, without adapters if those have not
 * changed anything yet, else with a copy of them; where all weights are trained it is a frozen copy.
 */
export async function createReference(policy: DecoderModel): Promise<ReferencePolicy> {
  const { device, config, maxPositions, adapters } = policy;
  if (adapters?.isFresh) return { model: policy, adapters: false, dispose: () => undefined };
  const model =
    adapters === undefined
      ? DecoderModel.create(device, config, { trainable: false, maxPositions })
      : policy.shareWeights();
  if (adapters === undefined) await model.copyWeightsFrom(policy);
  else model.adapters = adapters.copy();
  return { model, adapters: true, dispose: () => model.dispose() };
}
