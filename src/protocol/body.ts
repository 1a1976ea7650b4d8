/** A request or a response. */
interface Message {
  headers: Pick<Headers, "get">;
  body: ReadableStream<Uint8Array> | null;
}

/**
 * Text of a message's body, or `undefined` when it is larger than allowed; reading stops there, whatever length the
 * headers promised.
 */
export async function readText(message: Message, maxBytes: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  const isWhole = await readChunks(message, maxBytes, (chunk) => (text += decoder.decode(chunk, { stream: true })));
  return isWhole ? text + decoder.decode() : undefined;
}

/** As {@link readText}, for the body as it came. */
export async function readBytes(message: Message, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  if (!(await readChunks(message, maxBytes, (chunk) => chunks.push(chunk)))) return undefined;
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/** Hands over the body piece by piece; false when it was larger than allowed. */
async function readChunks(message: Message, maxBytes: number, take: (chunk: Uint8Array) => void): Promise<boolean> {
  if (Number(message.headers.get("content-length") ?? 0) > maxBytes) return false;
  if (message.body === null) return true;
  const reader = message.body.getReader();
  for (let size = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return true;
    size += value.byteLength;
    if (size > maxBytes) {
      await reader.cancel();
      return false;
    }
    take(value);
  }
}
