// Prints every breach of the import rules; exit code 1 where there is one.
import { fileURLToPath } from 'node:url';
import { importBreaches, readSources } from './import-rules.mjs';

const breaches = importBreaches(readSources(fileURLToPath(new URL('../../..', import.meta.url))));
for (const breach of breaches) process.stderr.write(`${breach}\n`);
process.exitCode = breaches.length > 0 ? 1 : 0;
