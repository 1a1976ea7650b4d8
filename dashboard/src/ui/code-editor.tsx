import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { bracketMatching, defaultHighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { linter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { EditorProps } from "./json-editor.tsx";

const LOOK = EditorView.theme({
  "&": { height: "16rem", fontSize: "12px", color: "var(--color-ink)", backgroundColor: "var(--color-panel)" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", overflow: "auto" },
  ".cm-content": { caretColor: "var(--color-ink)" },
  ".cm-gutters": { backgroundColor: "var(--color-sunken)", color: "var(--color-soft)", border: "none" },
  "&.cm-focused": { outline: "2px solid var(--color-accent)" },
  ".cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--color-accent) 30%, transparent) !important" },
  ".cm-tooltip": { backgroundColor: "var(--color-panel)", border: "1px solid var(--color-line)" },
});

/** CodeMirror, in a shadow tree: there it adds its styles as objects, which the page's strict policy lets pass. */
export default function CodeEditor({ label, text, onChange }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const change = useRef(onChange);
  useEffect(() => {
    change.current = onChange;
  }, [onChange]);

  useEffect(() => {
    if (!host.current) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          history(),
          indentOnInput(),
          bracketMatching(),
          syntaxHighlighting(defaultHighlightStyle),
          json(),
          linter(jsonParseLinter()),
          keymap.of([...defaultKeymap, ...historyKeymap]), // without Tab, which leaves the editor
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of(({ docChanged, state }) => docChanged && change.current(state.doc.toString())),
          LOOK,
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
    // the text is the editor's own from here on
    // oxlint-disable-next-line react/exhaustive-deps
  }, [label]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);

  return <div ref={host} className="border-line overflow-hidden rounded-md border" />;
}
