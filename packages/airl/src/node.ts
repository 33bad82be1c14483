/** The part of the package that reads files. */
export { readLines } from './node/read-lines.ts';
