import { type Command, CommanderError } from 'commander';
import type { ConfigKind } from '../config/schema.ts';

/** Verbs that need somebody at the terminal, or that run sweeps themselves. */
const NOT_HERE = ['chat', 'sweep'];

/** Verbs that compute on an adapter: as in setup/launcher.mjs, which decides before this code is loaded. */
const ADAPTER_VERBS = [
  'train',
  'evaluate',
  'demo',
  'doctor',
  'bench',
  'generate',
  'chat',
  'logprobs',
  'localise',
  'study',
];

export function needsAdapter(verb: readonly string[]): boolean {
  return ADAPTER_VERBS.includes(verb[0] ?? '');
}

/** The kind of configuration that a verb takes; undefined for one that takes options alone. */
export function configKindOf([verb, kind]: readonly string[]): ConfigKind | undefined {
  if (verb === 'evaluate') return 'evaluate';
  return verb === 'train' ? (kind as ConfigKind) : undefined;
}

/** Whether a verb goes on with what lies in its folder when it is started again. */
export function goesOn([verb]: readonly string[]): boolean {
  return verb === 'train' || verb === 'evaluate' || verb === 'localise' || verb === 'study';
}

/**
 * The words of a verb and those after it, as `config show` and `irl`. Throws Error with what is wrong where there is
 * no such verb, or where a sweep cannot run it.
 */
export function splitVerb(program: Command, words: readonly string[]): { verb: string[]; rest: string[] } {
  const verb: string[] = [];
  let command = program;
  for (const word of words) {
    if (command.commands.length === 0) break;
    const names = command.commands.map((one) => one.name()).filter((name) => !NOT_HERE.includes(name));
    const found = names.includes(word) ? command.commands.find((one) => one.name() === word) : undefined;
    if (found === undefined) throw new Error(`expected one of ${names.join(', ')}, got ${JSON.stringify(word)}.`);
    command = found;
    verb.push(word);
  }
  if (command.commands.length === 0) return { verb, rest: words.slice(verb.length) };
  throw new Error(
    `expected one of ${command.commands.map((one) => one.name()).join(', ')} after ${JSON.stringify(verb.join(' '))}.`,
  );
}

/** What is wrong with the arguments of a verb that exists; undefined where it takes them. */
export function argumentFault(program: Command, verb: readonly string[], args: readonly string[]): string | undefined {
  const name = verb.join(' ');
  const command = verb.reduce<Command>(
    (at, word) => at.commands.find((one) => one.name() === word) as Command,
    program,
  );
  const printers = { ...command.configureOutput() };
  command.configureOutput({ ...printers, writeErr: () => undefined, writeOut: () => undefined });
  try {
    const { operands, unknown } = command.parseOptions([...args]);
    if (unknown.length > 0) return `${name} has no option ${unknown[0]}.`;
    const isGiven = (flag: string | undefined): boolean =>
      flag !== undefined && args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
    const missing = command.options.find(
      ({ mandatory, long, short }) => mandatory && !isGiven(long) && !isGiven(short),
    );
    if (missing !== undefined) return `${name} needs ${missing.flags}.`;
    const wanted = command.registeredArguments.filter(({ required }) => required)[operands.length];
    return wanted === undefined ? undefined : `${name} needs <${wanted.name()}>.`;
  } catch (error) {
    if (error instanceof CommanderError) return `${error.message.replace(/^error: /, '').replace(/\.$/, '')}.`;
    throw error;
  } finally {
    command.configureOutput(printers);
  }
}
