import { useEffect, useId, useMemo, useState } from 'react';
import { dateTimeFormat } from '@grafana/data';
import { Alert, Button, LoadingPlaceholder } from '@grafana/ui';
import { get, useGet } from '../api/client';
import type { EventsAnswer, KubernetesEvent } from '../api/types';
import { setQuery, usePlace } from '../router';

const PATH = '/api/diorama/v1/events';
const FILTERS = ['namespace', 'kind', 'reason', 'type'] as const;
type Filter = (typeof FILTERS)[number];

/** What the newest events have of a field, to choose among. */
export function choices(events: KubernetesEvent[], filter: Filter): string[] {
  return [...new Set(events.map((event) => event[filter] ?? ''))].filter(Boolean).sort();
}

function FilterField({ filter, value, options }: { filter: Filter; value: string; options: string[] }) {
  const id = useId();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const write = (next: string) =>
    setQuery((query) => (next ? query.set(filter, next) : query.delete(filter)), { replace: true });
  // Choosing from the list says the whole value at once; typing is not sent letter by letter.
  const take = (next: string) => {
    setText(next);
    if (next === '' || options.includes(next)) {
      write(next);
    }
  };
  return (
    <label className="event-filter">
      <span>{filter}</span>
      <input
        type="search"
        list={id}
        value={text}
        placeholder="all"
        onChange={(event) => take(event.currentTarget.value)}
        onBlur={() => write(text.trim())}
        onKeyDown={(event) => event.key === 'Enter' && write(text.trim())}
      />
      <datalist id={id}>
        {options.map((option) => (
          <option key={option} value={option} />
        ))}
      </datalist>
    </label>
  );
}

function EventsTable({ events }: { events: KubernetesEvent[] }) {
  return (
    <table className="plain-table events">
      <thead>
        <tr>
          {['Last seen', 'Type', 'Reason', 'Namespace', 'Object', 'Message', 'Count'].map((title) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {events.map(({ id, lastTime, type, reason, namespace, kind, name, message, count }) => (
          <tr key={id}>
            <td>
              <time dateTime={lastTime}>{dateTimeFormat(lastTime)}</time>
            </td>
            <td className={type === 'Warning' ? 'warning' : 'quiet'}>{type}</td>
            <td>{reason}</td>
            <td>{namespace}</td>
            <td>{[kind, name].filter(Boolean).join(' ')}</td>
            <td className="message">{message}</td>
            <td className="number">{count}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Older events, fetched page by page, forgotten when the filters change. */
function useOlder(search: string, first: string | undefined) {
  const [older, setOlder] = useState<{ search: string; events: KubernetesEvent[]; cursor?: string; error?: string }>({
    search,
    events: [],
  });
  const mine =
    older.search === search && older.events.length ? older : { search, events: [], cursor: first, error: older.error };
  const load = async () => {
    try {
      const answer = await get<EventsAnswer>(`${PATH}?${search}&cursor=${encodeURIComponent(mine.cursor ?? '')}`);
      setOlder({ search, events: [...mine.events, ...answer.events], cursor: answer.nextCursor });
    } catch (error) {
      setOlder({ ...mine, error: (error as Error).message });
    }
  };
  return { ...mine, load };
}

/** The cluster's events, newest first. */
export function EventsPage() {
  const { query } = usePlace();
  const wanted = new URLSearchParams({ limit: '100' });
  FILTERS.forEach((filter) => query.get(filter) && wanted.set(filter, query.get(filter) ?? ''));
  const search = wanted.toString();
  const { data, error, loading } = useGet<EventsAnswer>(`${PATH}?${search}`, 5);
  const all = useGet<EventsAnswer>(`${PATH}?limit=1000`, 30);
  const options = useMemo(
    () => Object.fromEntries(FILTERS.map((filter) => [filter, choices(all.data?.events ?? [], filter)])),
    [all.data]
  );
  const older = useOlder(search, data?.nextCursor);
  useEffect(() => {
    document.title = 'Events · diorama';
  }, []);
  const newest = data?.events ?? [];
  const known = new Set(newest.map(({ id }) => id));
  const events = [...newest, ...older.events.filter(({ id }) => !known.has(id))];
  return (
    <div className="page">
      <h1>Events</h1>
      <div className="filters" role="search" aria-label="Filter events">
        {FILTERS.map((filter) => (
          <FilterField key={filter} filter={filter} value={query.get(filter) ?? ''} options={options[filter]} />
        ))}
      </div>
      {(error ?? older.error) && (
        <Alert severity="error" title="The events cannot be loaded">
          {error ?? older.error}
        </Alert>
      )}
      {loading && <LoadingPlaceholder text="Loading" />}
      {data &&
        (events.length ? (
          <EventsTable events={events} />
        ) : (
          <p className="quiet">{wanted.size > 1 ? 'No event matches.' : 'There are no events yet.'}</p>
        ))}
      {older.cursor && (
        <Button variant="secondary" onClick={() => void older.load()}>
          Older events
        </Button>
      )}
    </div>
  );
}
