import { Adamw, accumulateGradients, type Parameters } from '@dawngrad/autograd';
import { generate, packSequences, tokenLogProbs } from '@dawngrad/models';
import { affine, mean, read, readScalar, scope, scopeAsync, type Tensor } from '@dawngrad/tensor';
import type { DoneRound, RlMethod, RlModels } from './rl-run.ts';
import { CRITIC_UPDATES } from './rl-run.ts';
import type { RlSize } from './rl-size.ts';

export type EnginePhase = 'rollout' | 'critic' | 'reward' | 'update';

/** What the engine takes for a phase of a round, called directly. */
export interface EngineTime {
  readonly ms: number;
  readonly tokens: number;
}

/**
 * The work of a round for the device, by direct calls of the engine on the same traces: what a trainer's phases would
 * take if drawing, labelling, checking, credit, packing and logging cost nothing. Learning rates are 0, so that the
 * run goes on as if it had not been there.
 */
export class EngineWork {
  readonly #models: RlModels;
  readonly #size: RlSize;
  readonly #method: RlMethod;
  readonly #policyOptimizer: Adamw;
  readonly #criticOptimizer: Adamw | undefined;

  constructor(models: RlModels, size: RlSize, method: RlMethod) {
    this.#models = models;
    this.#size = size;
    this.#method = method;
    const options = { weightDecay: 0.01, maxNorm: 1 };
    this.#policyOptimizer = new Adamw(models.policy.trainableParameters(), options);
    this.#criticOptimizer = models.critic && new Adamw(models.critic.parameters(), options);
  }

  /** Times every phase that the method has. */
  async time({ samples }: DoneRound): Promise<Partial<Record<EnginePhase, EngineTime>>> {
    const { task } = this.#models;
    const experts = task.demonstrations.map(({ promptIds, completionIds }) => ({ promptIds, completionIds }));
    if (this.#method === 'sft') {
      const rows = Array.from({ length: this.#size.prompts }, (_, i) => experts[i % experts.length]!);
      return { update: await this.#update(rows, 0) };
    }
    const promptOf = new Map(task.demonstrations.map(({ id, promptIds }) => [id, promptIds]));
    const traces = samples.map((sample) => ({
      promptIds: promptOf.get(sample.prompt_id)!,
      completionIds: Uint32Array.from(sample.completion_ids),
    }));
    const rollout = await this.#rollout(traces);
    if (this.#method === 'grpo') return { rollout, update: await this.#update(traces, 1) };
    if (this.#method === 'opsd') {
      const shownOf = new Map(task.demonstrations.map((one) => [one.promptIds, task.teacherPromptIds!(one)]));
      const taught = traces.map(({ promptIds, completionIds }) => ({
        promptIds: shownOf.get(promptIds)!,
        completionIds,
      }));
      return { rollout, reward: await this.#logProbs([taught, traces]), update: await this.#update(traces, 0) };
    }
    const { critic: examples } = this.#size;
    const seen = [...experts.slice(0, examples), ...traces.slice(0, examples), ...experts.slice(0, examples)];
    const critic = await this.#critic(seen);
    return { rollout, critic, reward: await this.#score(traces), update: await this.#update(traces, 1) };
  }

  dispose(): void {
    this.#policyOptimizer.dispose();
    this.#criticOptimizer?.dispose();
  }

  async #rollout(traces: readonly Trace[]): Promise<EngineTime> {
    const { policy, task } = this.#models;
    const { prompts, groupSize } = this.#size;
    const requests = Array.from({ length: prompts }, (_, p) => ({
      promptIds: traces[p * groupSize]!.promptIds,
      samples: groupSize,
      firstSampleId: p * groupSize,
    }));
    let tokens = 0;
    const ms = await this.#timed(async () => {
      const samples = await generate(policy, requests, {
        maxNewTokens: task.maxCompletionTokens,
        settings: { temperature: 1, topK: 0, topP: 1, minP: 0 },
        ...{ seed: 2, stream: 1, stopIds: task.endIds },
        ...(task.environment === undefined ? {} : { environment: task.environment }),
      });
      tokens = samples.reduce((total, { ids }) => total + ids.length, 0);
    });
    return { ms, tokens };
  }

  /** An optimiser step, and passes of a frozen model before it. */
  async #update(traces: readonly Trace[], forwardPasses: number): Promise<EngineTime> {
    const { policy } = this.#models;
    return this.#withBatch(traces, async (batch) => {
      for (let pass = 0; pass < forwardPasses; pass++) scope(() => void tokenLogProbs(policy, batch));
      await this.#step([policy.trainableParameters()], this.#policyOptimizer, () =>
        affine(mean(tokenLogProbs(policy, batch).logp), -1, 0),
      );
    });
  }

  async #critic(traces: readonly Trace[]): Promise<EngineTime> {
    const critic = this.#models.critic!;
    const { ms, tokens } = await this.#withBatch(traces, async (batch) => {
      for (let update = 1; update < CRITIC_UPDATES; update++) {
        this.#record(critic.parameters(), this.#criticOptimizer!, () =>
          mean(critic.readPlain(critic.model.hidden(batch))),
        );
      }
      await this.#step(critic.parameters(), this.#criticOptimizer!, () =>
        mean(critic.readPlain(critic.model.hidden(batch))),
      );
    });
    return { ms, tokens: tokens * CRITIC_UPDATES };
  }

  #score(traces: readonly Trace[]): Promise<EngineTime> {
    const critic = this.#models.critic!;
    return this.#withBatch(traces, (batch) =>
      scopeAsync(async () => void (await read(critic.readPlain(critic.model.hidden(batch))))),
    );
  }

  async #logProbs(parts: readonly (readonly Trace[])[]): Promise<EngineTime> {
    const { policy } = this.#models;
    const times: EngineTime[] = [];
    for (const traces of parts) {
      times.push(
        await this.#withBatch(traces, (batch) =>
          scopeAsync(async () => void (await read(tokenLogProbs(policy, batch).logp))),
        ),
      );
    }
    return { ms: times.reduce((total, { ms }) => total + ms, 0), tokens: times[0]!.tokens };
  }

  #record(parameters: readonly Parameters[], optimizer: Adamw, loss: () => Tensor): void {
    scope(() => {
      accumulateGradients(parameters, () => ({ loss: loss() }));
      optimizer.step(0);
    });
  }

  async #step(parameters: readonly Parameters[], optimizer: Adamw, loss: () => Tensor): Promise<void> {
    await scopeAsync(async () => {
      const result = accumulateGradients(parameters, () => ({ loss: loss() }));
      optimizer.step(0);
      await readScalar(result.loss);
    });
  }

  /** Times work on traces that are on the device already. */
  #withBatch(
    traces: readonly Trace[],
    work: (batch: ReturnType<typeof packSequences>) => Promise<void>,
  ): Promise<EngineTime> {
    const { device } = this.#models.policy;
    return scopeAsync(async () => {
      const batch = packSequences(
        device,
        traces.map(({ promptIds, completionIds }) => [...promptIds, ...completionIds]),
      );
      const ms = await this.#timed(() => work(batch));
      return { ms, tokens: traces.reduce((total, { completionIds }) => total + completionIds.length, 0) };
    });
  }

  async #timed(work: () => Promise<void>): Promise<number> {
    const { device } = this.#models.policy;
    await device.finish();
    const startMs = performance.now();
    await work();
    await device.finish();
    return performance.now() - startMs;
  }
}

interface Trace {
  readonly promptIds: Uint32Array;
  readonly completionIds: Uint32Array;
}
