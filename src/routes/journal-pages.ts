import type { JournalPage, Objects } from "../durable-objects/objects.ts";
import type { Entry } from "../engine/run.ts";

/** The journal in pages, in the order of its commits. A step that changes meanwhile comes once more. */
export async function* journalPages(objects: Objects, env: string, runId: string): AsyncGenerator<Entry[], void> {
  for (let position: number | null = 0; position !== null;) {
    const page: JournalPage = await objects.run(env, runId).journal(position);
    yield page.entries;
    position = page.next;
  }
}
