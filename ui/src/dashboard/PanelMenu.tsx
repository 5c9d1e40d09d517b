import { Menu } from '@grafana/ui';
import type { SentQuery } from '../api/types';
import { navigate, setQuery, usePlace } from '../router';
import { useDashboardState } from './context';
import type { Panel } from './model';
import { rangeText } from './urlState';

export function PanelMenu({ panel, queries }: { panel: Panel; queries: SentQuery[] }) {
  const { range } = useDashboardState();
  const viewed = usePlace().query.has('viewPanel');
  // As they were sent: with the values of variables in them.
  const expressions = [...new Set(queries.map(({ expr }) => expr))];
  const toggleView = () =>
    setQuery((query) => (viewed ? query.delete('viewPanel') : query.set('viewPanel', `panel-${panel.id}`)));
  const explore = () => {
    const query = new URLSearchParams(rangeText(range));
    expressions.forEach((expr) => query.append('expr', expr));
    navigate(`/explore?${query}`);
  };
  return (
    <Menu>
      <Menu.Item label={viewed ? 'Back to the dashboard' : 'View'} icon="eye" onClick={toggleView} />
      {expressions.length > 0 && <Menu.Item label="Explore" icon="compass" onClick={explore} />}
      <Menu.Item
        label="Inspect"
        icon="info-circle"
        onClick={() => setQuery((q) => q.set('inspect', `panel-${panel.id}`))}
      />
    </Menu>
  );
}
