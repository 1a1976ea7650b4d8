import { groupBy } from "./group-by.ts";

/** Whether a content type is that of an HTML form's body: URL-encoded or multipart. */
export function isForm(contentType: string | null | undefined): boolean {
  return /^\s*(?:application\/x-www-form-urlencoded|multipart\/form-data)\s*(?:;|$)/i.test(contentType ?? "");
}

/**
 * The fields and files of a form's body.
 *
 * @throws TypeError when the body is not what its content type says
 */
export function readForm(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<FormData> {
  return new Response(bytes, { headers: { "content-type": contentType } }).formData();
}

/** A form as one object of lists (inngest-protocol §1.1). Of a file it has the name; the content stays in the form. */
export function formFields(form: FormData): Record<string, string[]> {
  const fields = groupBy(form, ([name]) => name);
  return Object.fromEntries(
    [...fields].map(([name, values]) => [
      name,
      values.map(([, value]) => (typeof value === "string" ? value : value.name)),
    ]),
  );
}
