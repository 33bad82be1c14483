import { DecoderModel } from '@dawngrad/models';

/** The frozen policy that the divergence is measured from. */
export interface ReferencePolicy {
  readonly model: DecoderModel;
  /** Whether the model's adapters, if any, belong to it. */
  readonly adapters: boolean;
  dispose(): void;
}

/** The policy as it is now: without its adapters where it trains adapters, else a frozen copy. */
export async function createReference(policy: DecoderModel): Promise<ReferencePolicy> {
  if (policy.adapters !== undefined) return { model: policy, adapters: false, dispose: () => undefined };
  const { device, config, maxPositions } = policy;
  const model = DecoderModel.create(device, config, { trainable: false, maxPositions });
  await model.copyWeightsFrom(policy);
  return { model, adapters: true, dispose: () => model.dispose() };
}
