import { textUtil } from '@grafana/data';
import type { DashboardLink } from './model';
import { timeQuery, variablesQuery, type Surroundings } from './interpolate';

/** Adds to an address what a link is to carry along: the time range, the variables. */
export function carry(
  url: string,
  link: Pick<DashboardLink, 'keepTime' | 'includeVars'>,
  around: Surroundings
): string {
  const parts = [link.keepTime && timeQuery(around), link.includeVars && variablesQuery(around)].filter(Boolean);
  if (!parts.length) {
    return textUtil.sanitizeUrl(url);
  }
  const [path, hash] = url.split('#', 2);
  const joint = path.includes('?') ? '&' : '?';
  return textUtil.sanitizeUrl(path + joint + parts.join('&') + (hash ? `#${hash}` : ''));
}
