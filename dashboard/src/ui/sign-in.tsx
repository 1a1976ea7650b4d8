import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { signIn } from "../api/session.ts";
import { Refusal } from "./act.tsx";
import { Button } from "./button.tsx";

/** Asks for a key, where the platform wants one; the browser keeps a cookie in its place, which no script can read. */
export function SignIn() {
  const client = useQueryClient();
  const [key, setKey] = useState("");
  const [name, setName] = useState("");
  const enter = useMutation({ mutationFn: signIn, onSuccess: () => client.resetQueries() });
  const [keyId, nameId] = [useId(), useId()];

  function submit(event: FormEvent) {
    event.preventDefault();
    enter.mutate({ key: key.trim(), name });
  }

  return (
    <form onSubmit={submit} className="mx-auto flex max-w-md flex-col gap-3 px-4 py-12">
      <h1>Sign in</h1>
      <label htmlFor={keyId} className="text-soft">
        INNGEST_SIGNING_KEY of the platform, or INNGEST_READ_KEY to look only
      </label>
      <input
        id={keyId}
        type="password"
        autoComplete="current-password"
        required
        value={key}
        onChange={(event) => setKey(event.target.value)}
        className="field font-mono"
      />
      <label htmlFor={nameId} className="text-soft">
        Your name, for the list of what was done by whom
      </label>
      <input
        id={nameId}
        type="text"
        autoComplete="username"
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
        className="field"
      />
      <Refusal error={enter.error} />
      <Button type="submit" look="strong" className="self-start" disabled={enter.isPending}>
        Sign in
      </Button>
    </form>
  );
}
