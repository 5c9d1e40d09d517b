import { Menu } from '@grafana/ui';
import { navigate, setQuery, usePlace } from '../router';
import { useDashboardState } from './context';
import type { Panel } from './model';
import { rangeText } from './urlState';

export function PanelMenu({ panel }: { panel: Panel }) {
  const { range } = useDashboardState();
  const viewed = usePlace().query.has('viewPanel');
  const expressions = (panel.targets ?? []).filter(({ expr, hide }) => expr && !hide).map(({ expr }) => expr ?? '');
  const toggleView = () =>
    setQuery((query) => (viewed ? query.delete('viewPanel') : query.set('viewPanel', `panel-${panel.id}`)));
  const explore = () => {
    const query = new URLSearchParams(rangeText(range));
    expressions.forEach((expr) => query.append('expr', expr));
    query.set('panel', String(panel.sourceId ?? panel.id));
    navigate(`/explore?${query}`);
  };
  return (
    <Menu>
      <Menu.Item label={viewed ? 'Back to the dashboard' : 'View'} icon="eye" onClick={toggleView} />
      {expressions.length > 0 && <Menu.Item label="Explore" icon="compass" onClick={explore} />}
      <Menu.Item label="Inspect" icon="info-circle" onClick={() => setQuery((q) => q.set('inspect', `panel-${panel.id}`))} />
    </Menu>
  );
}
