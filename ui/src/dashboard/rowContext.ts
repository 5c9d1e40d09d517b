import {
  formattedValueToString,
  getFieldDisplayName,
  type DataFrame,
  type DisplayValue,
  type Field,
} from '@grafana/data';

/** The place of a click: a field's value in a row. */
export interface RowContext {
  frame: DataFrame;
  field: Field;
  rowIndex?: number;
  calculatedValue?: DisplayValue;
}

function display(field: Field, value: unknown): string {
  return field.display ? formattedValueToString(field.display(value)) : String(value ?? '');
}

function valueOfRow(context: RowContext, part: string): string {
  const { field, frame, rowIndex = 0, calculatedValue } = context;
  const raw: unknown = field.values[rowIndex];
  switch (part) {
    case 'time':
      return String(frame.fields.find(({ type }) => type === 'time')?.values[rowIndex] ?? '');
    case 'text':
      return calculatedValue ? formattedValueToString(calculatedValue) : display(field, raw);
    case 'numeric':
      return String(calculatedValue?.numeric ?? raw ?? '');
    case 'calc':
      return calculatedValue?.title ?? '';
    default:
      return String(calculatedValue?.numeric ?? raw ?? '');
  }
}

function pathPart(text: string): string {
  return text.replace(/^\[?["']?|["']?\]?$/g, '');
}

/** Values that only the place of a click knows: `__value.raw`, `__field.labels.pod`, `__data.fields["Pod"]`. */
export function fromContext(reference: string, context: RowContext): string | undefined {
  const { field, frame } = context;
  const [, root, rest = ''] = /^(__\w+)[.]?(.*)$/.exec(reference) ?? [];
  if (root === '__value') {
    return valueOfRow(context, rest);
  }
  if (root === '__series' && rest === 'name') {
    return getFieldDisplayName(field, frame);
  }
  if (root === '__field') {
    if (rest.startsWith('labels')) {
      return field.labels?.[pathPart(rest.slice('labels'.length).replace(/^\./, ''))] ?? '';
    }
    return rest === 'displayName' ? getFieldDisplayName(field, frame) : field.name;
  }
  if (root === '__data') {
    return fromRow(rest, context);
  }
  return undefined;
}

function fromRow(path: string, { frame, rowIndex = 0 }: RowContext): string | undefined {
  const match = /^fields(?:\["([^"]+)"\]|\['([^']+)'\]|\[(\d+)\]|\.([^.]+))(?:\.(text|numeric|raw))?$/.exec(path);
  if (!match) {
    return undefined;
  }
  const [, double, quoted, index, dotted, part] = match;
  const name = double ?? quoted ?? dotted;
  const field = index
    ? frame.fields[Number(index)]
    : frame.fields.find((f) => f.name === name || getFieldDisplayName(f, frame) === name);
  if (!field) {
    return '';
  }
  const raw: unknown = field.values[rowIndex];
  return part === 'text' ? display(field, raw) : String(raw ?? '');
}
