/** Signing keys, and their hashes; apart from signatures, since every client carries it. */
export const KEY_PREFIX = /^signkey-\w+-/;

/**
 * A signing key as bearer token: prefix and SHA-256 of its bytes.
 *
 * @throws TypeError when the key is not hexadecimal after its prefix; the message does not repeat it
 */
export async function hashedSigningKey(key: string): Promise<string> {
  const hash = await bareHash(key);
  if (hash === undefined)
    throw new TypeError("signing key: not hexadecimal; it looks like signkey-prod-0123abcd, without quotes or spaces");
  return `${KEY_PREFIX.exec(key)?.[0] ?? ""}${hash}`;
}

/** Of the bytes that the key spells after its prefix; undefined when it spells none. */
export async function bareHash(key: string): Promise<string | undefined> {
  const bytes = fromHex(key.replace(KEY_PREFIX, ""));
  return bytes === undefined || bytes.length === 0 ? undefined : toHex(await sha256(bytes));
}

export async function sha256(bytes: BufferSource): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export function toHex(bytes: ArrayBuffer | Uint8Array): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  );
}
