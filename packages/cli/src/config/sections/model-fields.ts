import { type WantedFormat, WEIGHT_FORMATS } from '@dawngrad/models';
import { field, oneOf, positive, section, text, whole } from '../field.ts';

export const loraSection = (rank: number, help: string) =>
  section({
    rank: field(whole(0), rank, 'rank', help),
    alpha: field(
      positive().nullable(),
      null,
      'number',
      'Scale of the adapters is alpha / rank; null = twice the rank.',
    ),
  });

export const modelField = field(
  text().nullable(),
  null,
  'path',
  'Model folder in Hugging Face layout, or an id on the hub; also --model.',
);

export const dtypeField = field(
  oneOf(['stored', ...WEIGHT_FORMATS] as [WantedFormat, ...WantedFormat[]]),
  'stored',
  'choice',
  'How frozen weights are kept on the device; stored = as in their files. Weights that are trained are f32.',
);
