import { useMemo, useState } from 'react';
import { dataFrameFromJSON } from '@grafana/data';
import { Drawer, Tab, TabsBar, useTheme2 } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { setQuery } from '../router';
import { useDashboardState } from './context';
import type { Panel } from './model';
import { configured } from './usePanelFrames';
import { usePanelQuery, type PanelData } from './usePanelQuery';
import { useSize } from './useSize';

type View = 'Query' | 'Data' | 'JSON';
const VIEWS: View[] = ['Query', 'Data', 'JSON'];

function QueryView({ data }: { data: PanelData }) {
  return (
    <div className="inspect-scroll">
      {data.queries.length === 0 && <p className="quiet">This panel sends no query.</p>}
      {data.queries.map(({ refId, expr, step, type, took }, index) => (
        <section key={`${refId}${index}`} className="inspect-query">
          <h4>
            {refId}{' '}
            <span className="quiet">
              {[type, step && `step ${step}`, took && `took ${took}`].filter(Boolean).join(' · ')}
            </span>
          </h4>
          <pre>{expr}</pre>
        </section>
      ))}
      {data.errors.map((error) => (
        <pre key={error} className="inspect-error">
          {error}
        </pre>
      ))}
      {data.empty.map(({ refId, reason }) => (
        <p key={refId}>{`${refId} is empty: ${reason}`}</p>
      ))}
    </div>
  );
}

function DataView({
  data,
  width,
  height,
  timeZone,
}: {
  data: PanelData;
  width: number;
  height: number;
  timeZone: string;
}) {
  const theme = useTheme2();
  const frames = useMemo(() => {
    const raw = (data.frames ?? []).map((frame) => dataFrameFromJSON(structuredClone(frame)));
    return configured({ type: 'table' }, raw, (text) => text ?? '', theme, timeZone);
  }, [data.frames, theme, timeZone]);
  const [index, setIndex] = useState(0);
  const frame = frames[Math.min(index, frames.length - 1)];
  if (!frame) {
    return <p className="quiet">No frames.</p>;
  }
  const nameOf = (at: number) =>
    frames[at].fields.find(({ config }) => config.displayNameFromDS)?.config.displayNameFromDS ??
    frames[at].name ??
    `Frame ${at + 1}`;
  return (
    <>
      <select
        className="inspect-choice"
        aria-label="Frame"
        value={index}
        onChange={(event) => setIndex(Number(event.target.value))}
      >
        {frames.map((_, at) => (
          <option key={at} value={at}>{`${frames[at].refId ?? ''} ${nameOf(at)}`}</option>
        ))}
      </select>
      <TableNG
        key={index}
        ariaLabel="Data of the frame"
        data={frame}
        width={width}
        height={height - 40}
        structureRev={1}
      />
    </>
  );
}

function JsonView({ panel, data }: { panel: Panel; data: PanelData }) {
  const text = useMemo(() => JSON.stringify({ panel, frames: data.frames }, null, 2), [panel, data.frames]);
  return <pre className="inspect-scroll inspect-json">{text}</pre>;
}

/** What a panel asked, what came back, and what it is made of. */
export function InspectDrawer({ panel }: { panel: Panel }) {
  const { uid, resolved, range, timeZone, version } = useDashboardState();
  const [view, setView] = useState<View>('Query');
  const [ref, size] = useSize<HTMLDivElement>();
  // Asked once, when it opens: what is looked at must not change under the eye.
  const data = usePanelQuery({
    uid,
    panel,
    variables: resolved.values,
    range,
    timeZone,
    visible: true,
    width: 1000,
    refresh: String(version),
  });
  const tabs = (
    <TabsBar>
      {VIEWS.map((name) => (
        <Tab key={name} label={name} active={name === view} onChangeTab={() => setView(name)} />
      ))}
    </TabsBar>
  );
  return (
    <Drawer
      title={`Inspect: ${panel.title || panel.type}`}
      size="md"
      tabs={tabs}
      onClose={() => setQuery((q) => q.delete('inspect'))}
      scrollableContent={false}
    >
      <div className="inspect-body" ref={ref}>
        {view === 'Query' && <QueryView data={data} />}
        {view === 'Data' && size.width > 0 && (
          <DataView data={data} width={size.width} height={size.height} timeZone={timeZone} />
        )}
        {view === 'JSON' && <JsonView panel={panel} data={data} />}
      </div>
    </Drawer>
  );
}
