import type { ReactNode } from "react";

/** What stands where there is nothing yet: what would be here, and the next step. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="text-soft mx-auto flex max-w-xl flex-col gap-3 px-4 py-12 text-center">
      <p className="text-ink text-base font-semibold">{title}</p>
      {children}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p role="status" className="text-soft px-4 py-12 text-center">
      Reading {what} …
    </p>
  );
}
