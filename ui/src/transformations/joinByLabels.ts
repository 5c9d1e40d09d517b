import { map } from 'rxjs';
import { FieldType, type DataFrame, type DataTransformerInfo, type Field } from '@grafana/data';

interface Options {
  /** The label whose values become the names of columns. */
  value?: string;
  /** The labels that rows are joined by; all others that there are, if none is named. */
  join?: string[];
}

function labelled(frames: DataFrame[], label: string): Field[] {
  return frames.flatMap(({ fields }) =>
    fields.filter(({ type, labels }) => type !== FieldType.time && labels?.[label] !== undefined)
  );
}

/** One table of all series: a column for each value of a label, rows by the other labels. */
function joinByLabels(frames: DataFrame[], { value = '', join = [] }: Options): DataFrame[] {
  const series = labelled(frames, value);
  if (!series.length) {
    return frames;
  }
  const keys = join.length
    ? join
    : [...new Set(series.flatMap(({ labels }) => Object.keys(labels ?? {})))].filter((key) => key !== value).sort();
  const names = [...new Set(series.map(({ labels }) => labels?.[value] ?? ''))];
  const groups = new Map<string, Map<string, Field>>();
  for (const field of series) {
    const id = JSON.stringify(keys.map((key) => field.labels?.[key] ?? ''));
    groups.set(id, (groups.get(id) ?? new Map<string, Field>()).set(field.labels?.[value] ?? '', field));
  }
  const columns: Field[] = [
    ...keys.map((name): Field => ({ name, type: FieldType.string, values: [], config: {} })),
    ...names.map((name): Field => {
      const first = series.find(({ labels }) => labels?.[value] === name);
      // Named after the label's value, not after the series.
      return {
        name,
        type: first?.type ?? FieldType.number,
        values: [],
        config: { ...first?.config, displayName: undefined, displayNameFromDS: undefined },
      };
    }),
  ];
  for (const [id, fields] of groups) {
    const values = JSON.parse(id) as string[];
    const rows = Math.max(...[...fields.values()].map((field) => field.values.length));
    for (let row = 0; row < rows; row++) {
      columns.forEach((column, index) =>
        column.values.push(index < keys.length ? values[index] : (fields.get(column.name)?.values[row] ?? null))
      );
    }
  }
  return [{ refId: frames[0].refId, fields: columns, length: columns[0].values.length }];
}

export const joinByLabelsTransformer: DataTransformerInfo<Options> = {
  id: 'joinByLabels',
  name: 'Join by labels',
  defaultOptions: {},
  operator: (options) => (source) => source.pipe(map((frames) => joinByLabels(frames, options))),
};
