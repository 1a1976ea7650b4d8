import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { signOut, useSession } from "../api/session.ts";
import { Button } from "./button.tsx";

/** Who is signed in, where somebody needs to be: leads to what was done by whom, and out. */
export function Account() {
  const { data } = useSession();
  const client = useQueryClient();
  const leave = useMutation({ mutationFn: signOut, onSettled: () => client.resetQueries() });
  if (!data || data.by === "dev") return null;
  return (
    <>
      <Link
        to="/audit"
        title="What was done, and by whom"
        className="text-soft hover:text-ink data-[status=active]:text-ink max-w-28 truncate px-2 sm:max-w-48"
      >
        <bdi>{data.name}</bdi>
        {data.role === "reader" ? " (looks only)" : ""}
      </Link>
      {data.by === "session" ? (
        <Button look="quiet" onClick={() => leave.mutate()} disabled={leave.isPending}>
          Sign out
        </Button>
      ) : null}
    </>
  );
}
