import { Dialog as Base } from "@base-ui/react/dialog";
import type { ReactNode } from "react";
import { Icon } from "./icons.tsx";

interface Props {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
  isWide?: boolean;
}

/** A question or form above the page: keeps the keyboard inside, and gives it back. */
export function Dialog({ title, isOpen, onClose, children, isWide = false }: Props) {
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => open || onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 bg-black/50" />
        <Base.Popup
          className={`border-line bg-page fixed top-[8vh] left-1/2 flex max-h-[84vh] w-[calc(100vw-2rem)] -translate-x-1/2 flex-col rounded-lg border shadow-xl ${isWide ? "max-w-3xl" : "max-w-lg"}`}
        >
          <div className="border-line flex items-center justify-between border-b px-4 py-2">
            <Base.Title className="text-ink text-base font-semibold">{title}</Base.Title>
            <Base.Close aria-label="Close" className="text-soft hover:text-ink rounded p-1">
              <Icon name="cross" />
            </Base.Close>
          </div>
          <div className="flex flex-col gap-3 overflow-auto p-4">{children}</div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
