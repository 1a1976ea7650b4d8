import { Link } from "@tanstack/react-router";
import { ApiError } from "../api/request.ts";
import { buttonClass } from "./button.tsx";

/** What went wrong, in the platform's words, in the place of what could not be read. */
export function Problem({ error, what }: { error: Error; what: string }) {
  if (error instanceof ApiError && error.status === 401) return null; // what surrounds the page asks for a key
  const isUnknown = error instanceof ApiError && (error.status === 404 || error.status === 400);
  return (
    <div role="alert" className="mx-auto flex max-w-xl flex-col items-center gap-3 px-4 py-12 text-center">
      <p className="text-base font-semibold">
        {isUnknown ? `There is no such ${what}` : `The ${what} could not be read`}
      </p>
      <p className="text-soft wrap-anywhere">{error.message}</p>
      <Link to="/runs" className={buttonClass()}>
        To the runs
      </Link>
    </div>
  );
}
