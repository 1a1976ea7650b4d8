import { Tabs as Base } from "@base-ui/react/tabs";
import type { ReactNode } from "react";

interface Tab {
  id: string;
  title: string;
  content: ReactNode;
}

/** One of several views; the arrow keys go from one to the next. */
export function Tabs({ tabs, label }: { tabs: readonly Tab[]; label: string }) {
  return (
    <Base.Root defaultValue={tabs[0]?.id} className="flex min-h-0 flex-col gap-3">
      <Base.List aria-label={label} className="border-line flex gap-1 border-b">
        {tabs.map(({ id, title }) => (
          <Base.Tab
            key={id}
            value={id}
            className="text-soft data-[active]:border-accent data-[active]:text-ink -mb-px border-b-2 border-transparent px-2.5 py-1.5 font-medium"
          >
            {title}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map(({ id, content }) => (
        <Base.Panel key={id} value={id} className="flex flex-col gap-3">
          {content}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
