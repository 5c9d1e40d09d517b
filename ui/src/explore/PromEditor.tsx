import { useEffect, useRef } from 'react';
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { PROMETHEUS } from './prometheus';

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  onRun: () => void;
}

const look = EditorView.theme({
  '&': {
    fontSize: '13px',
    background: 'var(--canvas)',
    color: 'var(--text)',
    border: '1px solid var(--border)',
    borderRadius: '2px',
  },
  '&.cm-focused': { outline: '2px solid var(--link)', outlineOffset: '0' },
  '.cm-content': { fontFamily: "'Roboto Mono', monospace", padding: '7px 4px', caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--text-quiet)' },
  '.cm-tooltip': { background: 'var(--secondary)', border: '1px solid var(--border)', color: 'var(--text)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--selected)', color: 'var(--text)' },
  '.cm-completionDetail': { color: 'var(--text-quiet)', marginLeft: '1em', fontStyle: 'normal' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '600' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { background: 'var(--selected)' },
  '&.cm-focused .cm-matchingBracket': { background: 'var(--selected)' },
});

const colors = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: 'var(--accent)' },
  { tag: tags.function(tags.variableName), color: 'var(--link)' },
  { tag: tags.string, color: 'var(--good)' },
  { tag: [tags.number, tags.comment], color: 'var(--text-quiet)' },
  { tag: tags.labelName, color: 'var(--bad)' },
]);

function extensions({
  label,
  onChange,
  onRun,
}: {
  label: string;
  onChange: (text: string) => void;
  onRun: () => void;
}): Extension[] {
  const run = () => {
    onRun();
    return true;
  };
  const promql = new PromQLExtension().setComplete({ remote: { url: PROMETHEUS, httpMethod: 'GET' } });
  return [
    Prec.highest(
      keymap.of([
        { key: 'Mod-Enter', run },
        { key: 'Shift-Enter', run },
      ])
    ),
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
    history(),
    bracketMatching(),
    closeBrackets(),
    autocompletion(),
    promql.asExtension(),
    syntaxHighlighting(colors),
    look,
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': label }),
    EditorView.updateListener.of((update) => update.docChanged && onChange(update.state.doc.toString())),
    placeholder('PromQL: type for completion, Ctrl+Enter or Shift+Enter to run'),
  ];
}

/** An editor for PromQL that completes metrics, labels and functions from Prometheus. Tab leaves it. */
export function PromEditor({ label, value, onChange, onRun }: Props) {
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ onChange, onRun, value });
  useEffect(() => {
    latest.current = { onChange, onRun, value };
  });
  useEffect(() => {
    const editor = new EditorView({
      parent: parent.current ?? undefined,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: extensions({
          label,
          onChange: (text) => latest.current.onChange(text),
          onRun: () => latest.current.onRun(),
        }),
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [label]);
  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
    }
  }, [value]);
  return <div ref={parent} className="editor" />;
}
