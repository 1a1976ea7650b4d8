import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMayAct } from "../api/session.ts";

export interface Act<T> {
  run: (of: T) => void;
  /** now, or always for those who only look */
  isBusy: boolean;
  error: Error | null;
}

/** Something that people do to the platform: afterwards everything on screen is read again. */
export function useAct<T, R>(what: (of: T) => Promise<R>, onDone?: (result: R) => void): Act<T> {
  const client = useQueryClient();
  const mayAct = useMayAct();
  const { mutate, isPending, error } = useMutation({
    mutationFn: what,
    onSuccess: (result) => {
      void client.invalidateQueries();
      onDone?.(result);
    },
  });
  return { run: mutate, isBusy: isPending || !mayAct, error };
}

/** Why the platform did not do it. */
export function Refusal({ error }: { error: Error | null }) {
  if (!error) return null;
  return (
    <p role="alert" className="border-bad/40 text-bad wrap-anywhere rounded-md border px-3 py-2">
      {error.message}
    </p>
  );
}
