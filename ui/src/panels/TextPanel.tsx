import { useMemo } from 'react';
import { renderTextPanelMarkdown, textUtil } from '@grafana/data';
import type { PanelProps } from './types';

/** Markdown or HTML, both sanitised: dashboards come from anywhere. */
export function TextPanel({ panel, interpolate, height }: PanelProps) {
  const { mode = 'markdown', content = '' } = (panel.options ?? {}) as { mode?: string; content?: string };
  const text = interpolate(content);
  const html = useMemo(() => {
    if (mode === 'html') {
      return textUtil.sanitizeTextPanelContent(text);
    }
    return mode === 'markdown' ? renderTextPanelMarkdown(text) : undefined;
  }, [mode, text]);
  if (html === undefined) {
    return (
      <pre className="text-panel" style={{ height }}>
        {text}
      </pre>
    );
  }
  return <div className="text-panel markdown-html" style={{ height }} dangerouslySetInnerHTML={{ __html: html }} />;
}
