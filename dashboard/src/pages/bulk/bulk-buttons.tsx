import { lazy, Suspense, useState } from "react";
import type { BulkKind } from "../../api/bulk.ts";
import { Button } from "../../ui/button.tsx";
import type { BulkScope } from "./bulk-dialog.tsx";

const BulkDialog = lazy(() => import("./bulk-dialog.tsx").then((module) => ({ default: module.BulkDialog })));

/** What can be done to many runs at once; null: not to these. */
export function BulkButtons({ scope }: { scope: BulkScope | null }) {
  const [kind, setKind] = useState<BulkKind | null>(null);
  if (!scope) return null;
  return (
    <>
      <Button acts onClick={() => setKind("replay")}>
        Replay runs …
      </Button>
      <Button acts look="danger" onClick={() => setKind("cancellation")}>
        Cancel runs …
      </Button>
      {kind === null ? null : (
        <Suspense>
          <BulkDialog kind={kind} scope={scope} isOpen onClose={() => setKind(null)} />
        </Suspense>
      )}
    </>
  );
}
