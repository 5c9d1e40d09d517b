/** Filters of an ad hoc variable: sent as `key|operator|value`, written by people as `key=value, other!~"a,b"`. */
const FILTER = /\s*([A-Za-z_][\w.]*)\s*(=~|!~|!=|=|<|>)\s*(?:"((?:[^"\\]|\\.)*)"|([^",]*))\s*(?:,|$)/y;
// A bar inside a part, as Grafana's addresses write it.
const BAR = '__gfp__';

export function filterText(filters: string[]): string {
  return filters
    .map((filter) => {
      const [key, operator = '=', value = ''] = filter.split('|').map((part) => part.replaceAll(BAR, '|'));
      return `${key}${operator}${/^[^",\s][^",]*$/.test(value) ? value : JSON.stringify(value)}`;
    })
    .join(', ');
}

/** The filters that a text names, or undefined if it cannot be read. */
export function readFilters(text: string): string[] | undefined {
  const filters: string[] = [];
  FILTER.lastIndex = 0;
  while (text.slice(FILTER.lastIndex).trim()) {
    const match = FILTER.exec(text);
    if (!match) {
      return undefined;
    }
    const [, key, operator, quoted, plain] = match;
    const value = quoted === undefined ? plain.trim() : quoted.replace(/\\(.)/g, '$1');
    filters.push([key, operator, value].map((part) => part.replaceAll('|', BAR)).join('|'));
  }
  return filters;
}
