import { useMemo } from 'react';
import { dateTime } from '@grafana/data';
import { useGet } from '../api/client';
import { Message } from './shared';
import type { PanelProps } from './types';

export interface Alert {
  state: string;
  activeAt?: string;
  labels: Record<string, string>;
  annotations?: Record<string, string>;
}

interface RulesAnswer {
  data: { groups: Array<{ rules: Array<{ name: string; alerts?: Alert[]; state?: string }> }> };
}

interface Options {
  stateFilter?: { firing?: boolean; pending?: boolean };
  alertName?: string;
  maxItems?: number;
}

/** Alerts of all rules, firing ones first, the newest first among equals. */
export function alertsOf(answer: RulesAnswer, { stateFilter, alertName = '', maxItems = 100 }: Options): Alert[] {
  const wanted = (state: string) => (stateFilter ? stateFilter[state as 'firing' | 'pending'] !== false : true);
  return answer.data.groups
    .flatMap(({ rules }) => rules.flatMap(({ alerts }) => alerts ?? []))
    .filter(
      ({ state, labels }) => wanted(state) && (labels.alertname ?? '').toLowerCase().includes(alertName.toLowerCase())
    )
    .sort((a, b) => a.state.localeCompare(b.state) || (b.activeAt ?? '').localeCompare(a.activeAt ?? ''))
    .slice(0, maxItems);
}

function describe({ labels, annotations }: Alert): string {
  const rest = Object.entries(labels).filter(([name]) => name !== 'alertname' && name !== 'severity');
  return annotations?.summary ?? annotations?.description ?? rest.map(([name, value]) => `${name}=${value}`).join(' ');
}

export function AlertListPanel({ panel, height }: PanelProps) {
  const { data, error } = useGet<RulesAnswer>('/api/datasources/proxy/uid/prometheus/api/v1/rules?type=alert', 15);
  const alerts = useMemo(() => (data ? alertsOf(data, (panel.options ?? {}) as Options) : []), [data, panel.options]);
  if (error && !data) {
    return <Message>{error}</Message>;
  }
  if (data && !alerts.length) {
    const rules = data.data.groups.reduce((sum, group) => sum + group.rules.length, 0);
    return (
      <Message>{rules ? `No alert is active; ${rules} rules are watched.` : 'There are no alert rules.'}</Message>
    );
  }
  return (
    <ul className="plain-list" style={{ height }}>
      {alerts.map((alert) => (
        <li key={JSON.stringify(alert.labels)} className="alert-item">
          <span className={`state state-${alert.state}`}>{alert.state}</span>
          <strong>{alert.labels.alertname}</strong>
          <span className="quiet"> {alert.activeAt ? `since ${dateTime(alert.activeAt).fromNow(true)}` : ''}</span>
          <div className="quiet">{describe(alert)}</div>
        </li>
      ))}
    </ul>
  );
}
