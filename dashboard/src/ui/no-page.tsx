import { Link } from "@tanstack/react-router";
import { buttonClass } from "./button.tsx";
import { Empty } from "./empty.tsx";

export function NoSuchPage() {
  return (
    <Empty title="There is no such page">
      <p>The address may be misspelt, or of another version of the dashboard.</p>
      <p>
        <Link to="/runs" className={buttonClass()}>
          To the runs
        </Link>
      </p>
    </Empty>
  );
}

/** A mistake of the dashboard's own must not leave a blank page. */
export function PageFailed({ error }: { error: unknown }) {
  return (
    <Empty title="This page has failed">
      <p className="wrap-anywhere" role="alert">
        {error instanceof Error ? error.message : String(error)}
      </p>
      <p>
        <a href={document.baseURI} className={buttonClass()}>
          Begin anew
        </a>
      </p>
    </Empty>
  );
}
