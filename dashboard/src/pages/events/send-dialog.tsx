import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { sendEvents } from "../../api/events.ts";
import type { Json } from "../../api/json.ts";
import { jsonText, readJson } from "../../model/json.ts";
import { curlSnippet, eventsOf, sdkSnippet } from "../../model/snippets.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { JsonEditor } from "../../ui/json-editor.tsx";
import { Snippet } from "../../ui/snippet.tsx";
import { Tabs } from "../../ui/tabs.tsx";

interface Props {
  isOpen: boolean;
  onClose: () => void;
  /** what stands in the editor at first */
  event?: Json;
}

const EXAMPLE: Json = { name: "shop/order.placed", data: { orderId: "1" } };

export function SendDialog({ isOpen, onClose, event = EXAMPLE }: Props) {
  return (
    <Dialog title="Send event" isOpen={isOpen} onClose={onClose} isWide>
      <Form event={event} />
    </Dialog>
  );
}

function Form({ event }: { event: Json }) {
  const [text, setText] = useState(() => jsonText(event));
  const [sent, setSent] = useState<string[]>([]);
  const send = useAct(async (typed: string) => {
    setSent([]);
    setSent(await sendEvents(eventsOf(readJson(typed))));
  });
  return (
    <>
      <Tabs
        label="Ways to send it"
        tabs={[
          {
            id: "json",
            title: "JSON",
            content: <JsonEditor label="Event, or a list of events" text={text} onChange={setText} />,
          },
          { id: "sdk", title: "SDK", content: <Way text={text} write={sdkSnippet} label="Copy the code" /> },
          {
            id: "curl",
            title: "curl",
            content: <Way text={text} write={(of) => curlSnippet(of, location.origin)} label="Copy the command" />,
          },
        ]}
      />
      <Refusal error={send.error} />
      <Sent ids={sent} />
      <div className="flex justify-end">
        <Button look="strong" onClick={() => send.run(text)} disabled={send.isBusy}>
          Send
        </Button>
      </div>
    </>
  );
}

/** The event that is typed, written for somewhere else. */
function Way({ text, write, label }: { text: string; write: (events: Json) => string; label: string }) {
  try {
    return <Snippet code={write(readJson(text))} label={label} />;
  } catch (error) {
    return <Refusal error={error instanceof Error ? error : new Error(String(error))} />;
  }
}

function Sent({ ids }: { ids: readonly string[] }) {
  if (ids.length === 0) return null;
  return (
    <p role="status" className="flex flex-wrap gap-x-3">
      Sent:
      {ids.map((id) => (
        <Link
          key={id}
          to="/events/$eventId"
          params={{ eventId: id }}
          className="text-accent font-mono text-xs underline"
        >
          {id}
        </Link>
      ))}
    </p>
  );
}
