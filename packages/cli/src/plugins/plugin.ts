import type * as airl from '@dawngrad/airl';
import type * as autograd from '@dawngrad/autograd';
import type * as models from '@dawngrad/models';
import type * as tensor from '@dawngrad/tensor';

/**
 * What a plugin works with: the packages of the program that loads it. It is handed to the plugin since a package that
 * the plugin imported itself would be another copy, whose tape records nothing of this one's.
 */
export interface PluginPackages {
  readonly airl: typeof airl;
  readonly autograd: typeof autograd;
  readonly models: typeof models;
  readonly tensor: typeof tensor;
}

/** The default export of a plugin: registers estimators, critic losses and data sets with `airl.register...`. */
export type Plugin = (packages: PluginPackages) => void | Promise<void>;
