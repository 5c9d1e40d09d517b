import { useMemo, useState } from 'react';
import { getFrameDisplayName } from '@grafana/data';
import { TableCellHeight } from '@grafana/schema';
import { Combobox, type TableSortByFieldState } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { Message } from './shared';
import type { PanelProps } from './types';

interface Options {
  showHeader: boolean;
  cellHeight: TableCellHeight;
  sortBy?: TableSortByFieldState[];
  frameIndex?: number;
  footer?: { enablePagination?: boolean };
  enablePagination?: boolean;
}

const DEFAULTS: Options = { showHeader: true, cellHeight: TableCellHeight.Sm };
const CHOICE_HEIGHT = 40;

export function TablePanel({ panel, frames, width, height, range }: PanelProps) {
  const options: Options = { ...DEFAULTS, ...(panel.options as Partial<Options> | undefined) };
  const [chosen, setChosen] = useState(options.frameIndex ?? 0);
  const names = useMemo(
    () => frames.map((frame, index) => ({ label: getFrameDisplayName(frame, index), value: index })),
    [frames]
  );
  const index = chosen < frames.length ? chosen : 0;
  const frame = frames[index];
  if (!frame?.fields.length) {
    return <Message>The data has no columns.</Message>;
  }
  const tableHeight = frames.length > 1 ? height - CHOICE_HEIGHT : height;
  return (
    <>
      <TableNG
        // Another set of columns starts with their own widths and order.
        key={`${index}:${frame.fields.map(({ name }) => name).join()}`}
        ariaLabel={panel.title || 'Table'}
        data={frame}
        width={width}
        height={tableHeight}
        noHeader={!options.showHeader}
        showTypeIcons={false}
        sortBy={options.sortBy}
        cellHeight={options.cellHeight}
        enablePagination={options.enablePagination ?? options.footer?.enablePagination}
        fieldConfig={panel.fieldConfig}
        timeRange={range}
        structureRev={1}
        contentAwareWidthsEnabled
      />
      {frames.length > 1 && (
        <Combobox
          aria-label="Result to show"
          width={40}
          options={names}
          value={index}
          onChange={({ value }) => setChosen(value)}
        />
      )}
    </>
  );
}
