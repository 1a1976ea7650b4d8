import { Component, lazy, Suspense, type ReactNode } from "react";

export interface EditorProps {
  label: string;
  text: string;
  onChange: (text: string) => void;
}

const CodeEditor = lazy(() => import("./code-editor.tsx"));

/** JSON to write: the editor is loaded when it is needed, and a plain field does as well until then, or without it. */
export function JsonEditor(props: EditorProps) {
  const plain = <PlainEditor {...props} />;
  return (
    <Otherwise show={plain}>
      <Suspense fallback={plain}>
        <CodeEditor {...props} />
      </Suspense>
    </Otherwise>
  );
}

function PlainEditor({ label, text, onChange }: EditorProps) {
  return (
    <textarea
      aria-label={label}
      value={text}
      spellCheck={false}
      onChange={(event) => onChange(event.target.value)}
      className="border-line bg-panel h-64 rounded-md border p-2 font-mono text-xs"
    />
  );
}

/** The editor's file may not be there: after a new version is deployed, an open page asks for an old one. */
class Otherwise extends Component<{ show: ReactNode; children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    return this.state.hasFailed ? this.props.show : this.props.children;
  }
}
