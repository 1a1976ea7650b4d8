import { Menu } from "@base-ui/react/menu";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { listFunctions, localId } from "../../api/functions.ts";
import { WIRE_STATUSES, type WireStatus } from "../../api/runs.ts";
import { statusesIn, type RunsSearch } from "../../model/search.ts";
import { isRange, RANGES } from "../../model/time.ts";
import { buttonClass } from "../../ui/button.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Status, statusWord } from "../../ui/status.tsx";

interface Props {
  search: RunsSearch;
  onChange: (search: RunsSearch) => void;
}

export function RunFilters({ search, onChange }: Props) {
  const functions = useQuery({ queryKey: ["functions"], queryFn: ({ signal }) => listFunctions({ signal }) });
  const known = functions.data ?? [];
  const apps = [...new Set([...known.map(({ app_id }) => app_id), ...(search.app ? [search.app] : [])])].toSorted();
  const ofApp = known.filter(({ app_id }) => app_id === search.app).map(({ slug, app_id }) => localId(slug, app_id));
  const names = search.fn === undefined || ofApp.includes(search.fn) ? ofApp : [...ofApp, search.fn];
  return (
    <div className="flex flex-wrap gap-2">
      <StatusFilter search={search} onChange={onChange} />
      <Choice label="App" value={search.app ?? ""} onChange={(app) => onChange({ ...search, app, fn: undefined })}>
        <option value="">All apps</option>
        {apps.map((app) => (
          <option key={app}>{app}</option>
        ))}
      </Choice>
      {search.app ? (
        <Choice label="Function" value={search.fn ?? ""} onChange={(fn) => onChange({ ...search, fn })}>
          <option value="">All functions</option>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </Choice>
      ) : null}
      <RangeChoice value={search.range} onChange={(range) => onChange({ ...search, range })} />
    </div>
  );
}

/** How far back a list goes. */
export function RangeChoice({
  value,
  onChange,
}: {
  value: RunsSearch["range"];
  onChange: (range: RunsSearch["range"]) => void;
}) {
  return (
    <Choice label="Time" value={value ?? ""} onChange={(text) => onChange(isRange(text) ? text : undefined)}>
      <option value="">All time</option>
      {Object.entries(RANGES).map(([range, [title]]) => (
        <option key={range} value={range}>
          {title}
        </option>
      ))}
    </Choice>
  );
}

function StatusFilter({ search, onChange }: Props) {
  const chosen = statusesIn(search);
  const title = chosen.length === 0 ? "All statuses" : chosen.map(statusWord).join(", ");

  function toggle(status: WireStatus, isOn: boolean) {
    const next = WIRE_STATUSES.filter((one) => (one === status ? isOn : chosen.includes(one)));
    onChange({ ...search, status: next.join(",") });
  }

  return (
    <Menu.Root>
      <Menu.Trigger className={buttonClass()} aria-label={`Status: ${title}`}>
        {title}
        <Icon name="fold" className="rotate-90" />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="start" className="z-10">
          <Menu.Popup className="border-line bg-panel rounded-md border p-1 shadow-lg outline-none">
            {WIRE_STATUSES.map((status) => (
              <Menu.CheckboxItem
                key={status}
                checked={chosen.includes(status)}
                onCheckedChange={(isOn) => toggle(status, isOn)}
                closeOnClick={false}
                className="data-[highlighted]:bg-sunken flex cursor-pointer items-center gap-2 rounded px-2 py-1 outline-none"
              >
                <span className="w-4">
                  <Menu.CheckboxItemIndicator>
                    <Icon name="check" />
                  </Menu.CheckboxItemIndicator>
                </span>
                <Status of={status} />
              </Menu.CheckboxItem>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  onChange: (value: string | undefined) => void;
  children: ReactNode;
}

function Choice({ label, value, onChange, children }: ChoiceProps) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)}
      className="field max-w-48"
    >
      {children}
    </select>
  );
}
