const USUAL =
  'The queries worked and found nothing: nothing was measured in this time range, or no series has these labels.';

/** Says why a panel may be empty: what the engine found out, else what is usual. */
export function EmptyPanel({ title, reasons }: { title: string; reasons: string[] }) {
  const shown = reasons.length ? reasons : [USUAL];
  return (
    <div className="empty-panel" role="status" title={shown.join('\n')}>
      <strong>{title}</strong>
      {shown.map((reason) => (
        <span key={reason}>{reason}</span>
      ))}
    </div>
  );
}
