import { dateTimeFormat, escapeRegex, textUtil, urlUtil } from '@grafana/data';

/** What a variable stands for: its values, and how people read them. */
export interface Value {
  text: string[];
  value: string[];
  /** Whether it is a list, also when that has one value. */
  isList: boolean;
  /** Whether All is chosen; the values are then those of all options, or the author's own one. */
  isAll?: boolean;
  /** Whether the value is the author's own for All. */
  isOwn?: boolean;
}

export const ALL = '$__all';

export function single(value: string, text = value): Value {
  return { text: [text], value: [value], isList: false };
}

const strict = (text: string) => text.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const percentEncode = (text: string) => strict(encodeURIComponent(text));
const uriEncode = (text: string) => strict(encodeURI(text));

/** A list in braces, also one of one value. */
const inBraces = ({ value, isList }: Value) => (isList ? `{${value.join()}}` : value.join());

const quoted = ({ value }: Value, quote: string, escape: (text: string) => string) =>
  value.map((v) => quote + escape(v) + quote).join();

function glob({ value }: Value): string {
  return value.length > 1 ? `{${value.join()}}` : value.join();
}

function regex({ value }: Value): string {
  const escaped = value.map(escapeRegex).join('|');
  return value.length === 1 ? escaped : `(${escaped})`;
}

function lucene({ value, isList }: Value): string {
  const escape = (text: string) =>
    Number.isNaN(Number(text)) ? text.replace(/[!*+\-=<>\s&|()[\]{}^~?:\\/"]/g, '\\$&') : text;
  if (!isList) {
    return escape(value.join());
  }
  return value.length ? `(${value.map((v) => `"${escape(v)}"`).join(' OR ')})` : '__empty__';
}

function date({ value, isList }: Value, form: string, timeZone?: string): string {
  const milliseconds = parseInt(value.join(), 10);
  if (isList || Number.isNaN(milliseconds)) {
    return 'NaN';
  }
  switch (form) {
    case '':
    case 'iso':
      return new Date(milliseconds).toISOString();
    case 'ms':
      return value.join();
    case 'seconds':
      return String(Math.round(milliseconds / 1000));
    default:
      return dateTimeFormat(milliseconds, { format: form, timeZone });
  }
}

/** Parameters as dashboards read them; All stays All, for when there are more values. */
export function queryParam(name: string, { value, isAll }: Value): string {
  return urlUtil.toUrlParams({ [`var-${name}`]: isAll ? ALL : value });
}

function customQueryParam(name: string, { value }: Value, [key, prefix = '']: string[]): string {
  const start = `${percentEncode(key || name)}=${percentEncode(prefix)}`;
  return value.map((v) => start + percentEncode(v)).join('&');
}

type Formatter = (value: Value, name: string, args: string[], timeZone?: string) => string;

const FORMATS = new Map<string, Formatter>([
  ['csv', ({ value }) => value.join()],
  ['raw', ({ value }) => value.join()],
  ['pipe', ({ value }) => value.join('|')],
  ['join', ({ value }, _name, [separator = ',']) => value.join(separator)],
  ['distributed', ({ value }, name) => value.join(`,${name}=`)],
  ['glob', glob],
  ['regex', regex],
  ['lucene', lucene],
  ['json', ({ value, isList }) => (isList ? JSON.stringify(value) : value.join())],
  ['text', ({ text }) => text.join(' + ')],
  ['html', ({ value }) => textUtil.escapeHtml(value.join(', '))],
  ['singlequote', (value) => quoted(value, "'", (text) => text.replaceAll("'", "\\'"))],
  ['doublequote', (value) => quoted(value, '"', (text) => text.replaceAll('"', '\\"'))],
  ['sqlstring', (value) => quoted(value, "'", (text) => text.replaceAll("'", "''").replaceAll('"', '\\"'))],
  ['percentencode', (value) => percentEncode(inBraces(value))],
  ['uriencode', (value) => uriEncode(inBraces(value))],
  ['queryparam', (value, name) => queryParam(name, value)],
  ['customqueryparam', (value, name, args) => customQueryParam(name, value, args)],
  ['date', (value, _name, args, timeZone) => date(value, args.join(':'), timeZone)],
]);

/** The formats of the author's own value for All; in others it is as it is. */
const OWN_FORMATS = ['text', 'percentencode', 'queryparam'];

/** Writes a value in one of the formats of `${name:format}`; one that there is not is `glob`. */
export function format(name: string, value: Value, how = 'glob', timeZone?: string): string {
  const [kind, ...args] = how.split(':');
  if (value.isOwn && !OWN_FORMATS.includes(kind)) {
    return value.value.join();
  }
  return (FORMATS.get(kind) ?? glob)(value, name, args, timeZone);
}
