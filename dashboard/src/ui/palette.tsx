import { Autocomplete } from "@base-ui/react/autocomplete";
import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { listFunctions } from "../api/functions.ts";
import { listApps } from "../api/apps.ts";
import { commandsOf, type Command } from "../model/commands.ts";
import { Dialog } from "./dialog.tsx";

/** Goes anywhere from the keyboard: a page, a function, an app, or whatever an id that is pasted names. */
export default function Palette({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Go to …" isOpen onClose={onClose}>
      <Search onClose={onClose} />
    </Dialog>
  );
}

function Search({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const [typed, setTyped] = useState("");
  const functions = useQuery({ queryKey: ["functions"], queryFn: ({ signal }) => listFunctions({ signal }) });
  const apps = useQuery({ queryKey: ["apps"], queryFn: ({ signal }) => listApps({ signal }) });
  const commands = commandsOf(typed, functions.data ?? [], apps.data ?? []);

  function go({ href }: Command) {
    onClose();
    const { basepath } = router.options;
    router.history.push(`${(basepath ?? "/").replace(/\/$/, "")}${href}`);
  }

  return (
    <Autocomplete.Root
      inline
      open
      mode="none"
      autoHighlight="always"
      keepHighlight
      items={commands}
      itemToStringValue={(command: Command) => command.title}
      value={typed}
      onValueChange={(value, { reason }) => {
        if (reason !== "item-press") setTyped(value);
      }}
    >
      <Autocomplete.Input
        autoFocus
        aria-label="A page, function, app, run id or event id"
        placeholder="A page, function, app, run id or event id"
        className="field h-10 w-full"
      />
      <Autocomplete.Empty className="text-soft empty:hidden">Nothing is called so</Autocomplete.Empty>
      <Autocomplete.List className="flex max-h-80 flex-col overflow-auto">
        {(command: Command) => (
          <Autocomplete.Item
            key={command.href}
            value={command}
            onClick={() => go(command)}
            className="data-[highlighted]:bg-sunken flex cursor-pointer justify-between gap-4 rounded-md px-2 py-1.5"
          >
            <bdi className="truncate">{command.title}</bdi>
            <span className="text-soft shrink-0">{command.kind}</span>
          </Autocomplete.Item>
        )}
      </Autocomplete.List>
    </Autocomplete.Root>
  );
}
