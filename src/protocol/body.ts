/** A request or a response. */
interface Message {
  headers: Pick<Headers, "get">;
  body: ReadableStream<Uint8Array> | null;
}

/**
 * A message's body as it came, or `undefined` when it is larger than allowed; reading stops there, whatever length the
 * headers promised.
 */
export async function readBytes(message: Message, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (Number(message.headers.get("content-length") ?? 0) > maxBytes) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = message.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done || value === undefined) break;
    size += value.byteLength;
    if (size > maxBytes) {
      await reader?.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
