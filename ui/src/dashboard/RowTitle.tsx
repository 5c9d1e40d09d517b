import { Icon } from '@grafana/ui';

interface Props {
  title: string;
  open: boolean;
  count: number;
  onToggle: () => void;
}

export function RowTitle({ title, open, count, onToggle }: Props) {
  return (
    <button type="button" className="row-title" aria-expanded={open} onClick={onToggle}>
      <Icon name={open ? 'angle-down' : 'angle-right'} />
      <span>{title || 'Row'}</span>
      {!open && <span className="quiet">({count === 1 ? '1 panel' : `${count} panels`})</span>}
    </button>
  );
}
