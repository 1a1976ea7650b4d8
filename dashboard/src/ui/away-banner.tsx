import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useLive } from "../api/live.ts";
import { PlatformAway, request } from "../api/request.ts";

/** Says that the platform is away, and reads everything anew once it is back. */
export function AwayBanner() {
  const client = useQueryClient();
  const { error, isSuccess } = useLive({
    key: ["health"],
    read: (sent) => request<{ version: string }>("/health", sent),
    everyMs: 3_000,
  });
  const isAway = error instanceof PlatformAway;
  const wasAway = useRef(false);
  useEffect(() => {
    if (wasAway.current && isSuccess) void client.invalidateQueries();
    wasAway.current = isAway;
  }, [client, isAway, isSuccess]);
  if (!isAway) return null;
  return (
    <p role="alert" className="bg-bad px-4 py-1.5 text-center font-medium text-[light-dark(white,black)]">
      The platform does not answer. What you see may be old; this page goes on by itself when it is back.
    </p>
  );
}
