import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { listFunctions, type FunctionView } from "../api/functions.ts";
import { curlSnippet } from "../model/snippets.ts";
import { buttonClass } from "../ui/button.tsx";
import { Empty } from "../ui/empty.tsx";
import { Snippet } from "../ui/snippet.tsx";

/** Where there are no runs yet: the one step that is missing to see one. */
export function FirstSteps() {
  const { data } = useQuery({ queryKey: ["functions"], queryFn: ({ signal }) => listFunctions({ signal }) });
  if (!data) return null;
  if (data.length === 0)
    return (
      <Empty title="No runs yet: no app is known here">
        <p>Register an app by the URL at which it serves its functions, such as http://localhost:3000/api/inngest.</p>
        <p>
          <Link to="/apps" className={buttonClass("strong")}>
            Register an app
          </Link>
        </p>
      </Empty>
    );
  return (
    <Empty title="No runs yet: send an event that starts one">
      <Snippet code={curlSnippet(exampleOf(data), location.origin)} label="Copy the command" />
      <p>
        <Link to="/functions" className={buttonClass("strong")}>
          Or invoke a function
        </Link>
      </p>
    </Empty>
  );
}

function exampleOf(functions: readonly FunctionView[]) {
  const name = functions
    .flatMap(({ triggers }) => triggers.map(({ event }) => event))
    .find((one) => !one.includes("*"));
  return { name: name ?? "app/something.happened", data: {} };
}
