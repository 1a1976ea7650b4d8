import { useQueryClient } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { keepSigningKey } from "../api/key.ts";
import { Button } from "./button.tsx";

/** Asks for the signing key, where the platform wants one. */
export function SignIn() {
  const client = useQueryClient();
  const [key, setKey] = useState("");
  const id = useId();

  function submit(event: FormEvent) {
    event.preventDefault();
    keepSigningKey(key);
    void client.resetQueries();
  }

  return (
    <form onSubmit={submit} className="mx-auto flex max-w-md flex-col gap-3 px-4 py-12">
      <h1>This platform asks for its signing key</h1>
      <label htmlFor={id} className="text-soft">
        INNGEST_SIGNING_KEY of the platform. This tab keeps it until it is closed.
      </label>
      <input
        id={id}
        type="password"
        autoComplete="off"
        required
        value={key}
        onChange={(event) => setKey(event.target.value)}
        className="field font-mono"
      />
      <Button type="submit" look="strong" className="self-start">
        Go on
      </Button>
    </form>
  );
}
