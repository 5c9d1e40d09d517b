import { useGet } from '../api/client';
import type { SearchHit } from '../api/types';
import { useDashboardState } from '../dashboard/context';
import { carry } from '../dashboard/links';
import { rangeText } from '../dashboard/urlState';
import { Message } from './shared';
import type { PanelProps } from './types';

interface Options {
  query?: string;
  tags?: string[];
  maxItems?: number;
  keepTime?: boolean;
  includeVars?: boolean;
}

export function DashListPanel({ panel, height }: PanelProps) {
  const options = (panel.options ?? {}) as Options;
  const { range, resolved } = useDashboardState();
  const around = { variables: resolved.variables, ...rangeText(range) };
  const query = new URLSearchParams({
    type: 'dash-db',
    query: options.query ?? '',
    limit: String(options.maxItems ?? 30),
  });
  options.tags?.forEach((tag) => query.append('tag', tag));
  const { data, error } = useGet<SearchHit[]>(`/api/search?${query}`, 30);
  if (error && !data) {
    return <Message>{error}</Message>;
  }
  return (
    <ul className="plain-list" style={{ height }}>
      {(data ?? []).map(({ uid, title, url, folderTitle }) => (
        <li key={uid}>
          <a href={carry(url, options, around)}>{title}</a>
          {folderTitle && <span className="quiet"> {folderTitle}</span>}
        </li>
      ))}
    </ul>
  );
}
