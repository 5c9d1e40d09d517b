import { map } from 'rxjs';
import {
  FieldType,
  getFieldDisplayName,
  type DataFrame,
  type DataTransformerInfo,
  type Field,
  type Labels,
} from '@grafana/data';
import { applyHandler, handlerKeyOf, isConfigHandler, type ConfigMapping } from './fieldConfigHandlers';

interface Options {
  mappings?: ConfigMapping[];
}

/** Turns each row into a field of its own: one column names it, one is its value, the others are config or labels. */
function rowsToFields(frame: DataFrame, { mappings = [] }: Options): DataFrame {
  const keyed = frame.fields
    .map((field) => ({ field, name: getFieldDisplayName(field, frame) }))
    .map((f) => ({ ...f, key: handlerKeyOf(f.name, mappings) }));
  const names =
    keyed.find(({ key }) => key === 'field.name') ?? keyed.find(({ field }) => field.type === FieldType.string);
  const values =
    keyed.find(({ key }) => key === 'field.value') ?? keyed.find(({ field }) => field.type === FieldType.number);
  if (!names || !values) {
    return frame;
  }
  const others = keyed.filter((column) => column !== names && column !== values);
  const fields = Array.from({ length: frame.length }, (_, row): Field => {
    const field: Field = {
      name: String(names.field.values[row]),
      type: values.field.type,
      values: [values.field.values[row]],
      config: { ...values.field.config },
    };
    const labels: Labels = {};
    for (const { field: other, name, key } of others) {
      if (key === undefined) {
        continue;
      }
      if (isConfigHandler(key)) {
        applyHandler(field.config, key, other.values[row]);
      } else if (other.type === FieldType.string) {
        labels[name] = String(other.values[row]);
      }
    }
    return Object.keys(labels).length ? { ...field, labels } : field;
  });
  return { ...frame, fields, length: 1 };
}

export const rowsToFieldsTransformer: DataTransformerInfo<Options> = {
  id: 'rowsToFields',
  name: 'Rows to fields',
  defaultOptions: { mappings: [] },
  operator: (options) => (source) => source.pipe(map((frames) => frames.map((frame) => rowsToFields(frame, options)))),
};
