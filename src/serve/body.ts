/** A request or a response. */
interface Message {
  headers: Pick<Headers, "get">;
  body: ReadableStream<Uint8Array> | null;
}

/**
 * Text of a message's body, or `undefined` when it is larger than allowed; reading stops there, whatever length the
 * headers promised.
 */
export async function readBody(message: Message, maxBytes: number): Promise<string | undefined> {
  if (Number(message.headers.get("content-length") ?? 0) > maxBytes) return undefined;
  if (message.body === null) return "";
  const decoder = new TextDecoder();
  const reader = message.body.getReader();
  let size = 0;
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > maxBytes) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}
