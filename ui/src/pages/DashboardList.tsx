import { useCallback, useEffect, useMemo, useState } from 'react';
import { Alert, FilterInput, Icon, LoadingPlaceholder } from '@grafana/ui';
import { useGet } from '../api/client';
import { useLive } from '../api/live';
import type { LiveMessage, SearchHit } from '../api/types';
import { Link, setQuery, usePlace } from '../router';

/** Hits by folder, in the order of titles; folders in theirs, those without one first. */
export function grouped(hits: SearchHit[]): Array<[string, SearchHit[]]> {
  const folders = new Map<string, SearchHit[]>();
  for (const hit of [...hits].sort((a, b) => a.title.localeCompare(b.title))) {
    const folder = hit.folderTitle ?? '';
    folders.set(folder, [...(folders.get(folder) ?? []), hit]);
  }
  return [...folders].sort(([a], [b]) => a.localeCompare(b));
}

function matches(hit: SearchHit, words: string[]): boolean {
  const text = [hit.title, hit.folderTitle, ...hit.tags].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}

const CHANGES = ['dashboard', 'removed', 'back'];

/** Counts how often a dashboard came, changed or went, or may have. */
function useVersion(): number {
  const [version, setVersion] = useState(0);
  useLive(useCallback(({ type }: LiveMessage) => setVersion((old) => (CHANGES.includes(type) ? old + 1 : old)), []));
  return version;
}

function Card({ title, url, tags }: SearchHit) {
  return (
    <Link href={url} className="card">
      <strong>{title}</strong>
      <span className="tags">
        {tags.map((tag) => (
          <span key={tag} className="tag">
            {tag}
          </span>
        ))}
      </span>
    </Link>
  );
}

export function DashboardList() {
  const { query } = usePlace();
  const search = query.get('query') ?? '';
  const { data, error, loading } = useGet<SearchHit[]>('/api/search?type=dash-db&limit=5000', 0, useVersion());
  const hits = useMemo(() => {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    return (data ?? []).map((hit) => ({ ...hit, tags: hit.tags ?? [] })).filter((hit) => matches(hit, words));
  }, [data, search]);
  useEffect(() => {
    document.title = 'Dashboards · diorama';
  }, []);
  const setSearch = (text: string) =>
    setQuery((q) => (text ? q.set('query', text) : q.delete('query')), { replace: true });
  return (
    <div className="page">
      <h1>Dashboards</h1>
      <div className="page-filter">
        <FilterInput
          autoFocus
          value={search}
          onChange={setSearch}
          placeholder="Search by title, folder or tag"
          escapeRegex={false}
        />
      </div>
      {error && (
        <Alert severity="error" title="The list cannot be loaded">
          {error}
        </Alert>
      )}
      {loading && <LoadingPlaceholder text="Loading" />}
      {data && hits.length === 0 && (
        <p className="quiet">{data.length ? 'No dashboard matches.' : 'There are no dashboards.'}</p>
      )}
      {grouped(hits).map(([folder, list]) => (
        <section key={folder} aria-label={folder || 'Dashboards without a folder'}>
          {folder && (
            <h2 className="folder">
              <Icon name="folder" /> {folder}
            </h2>
          )}
          <ul className="cards">
            {list.map((hit) => (
              <li key={hit.uid}>
                <Card {...hit} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
