const MARK = "__ENCRYPTED__";
const STRATEGY_FIELD = "__STRATEGY__";
const STRATEGY = "dotdo/aes-256-gcm";
const IV_BYTES = 12; // NIST SP 800-38D: 96 bits, random
const KEY_ID_BYTES = 8;

/** A value as it is stored. */
export interface Encrypted {
  [MARK]: true;
  [STRATEGY_FIELD]: string;
  /** names the key without telling anything about it */
  kid: string;
  /** base64 of nonce, ciphertext and tag */
  data: string;
}

/** A value that no key of this app opens. */
export class DecryptionError extends Error {
  readonly code = "decryption_failed";
  /** id of the key that the value was encrypted with */
  readonly keyId: string;

  constructor(message: string, options: { keyId: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DecryptionError";
    this.keyId = options.keyId;
  }
}

export function isEncrypted(value: unknown): value is Encrypted {
  return (
    typeof value === "object" &&
    value !== null &&
    Reflect.get(value, MARK) === true &&
    typeof Reflect.get(value, "data") === "string"
  );
}

interface Key {
  kid: string;
  crypto: CryptoKey;
}

/** Keys of an app: the first encrypts, all decrypt. */
export class EncryptionKeys {
  readonly #secrets: readonly string[];
  #keys: readonly Key[] | null = null;

  constructor(secrets: readonly unknown[]) {
    for (const [index, secret] of secrets.entries())
      if (typeof secret !== "string" || secret.trim() === "")
        throw new TypeError(
          `encryptionMiddleware: ${index === 0 ? "key" : `fallbackDecryptionKeys[${index - 1}]`}: ${typeof secret === "string" ? "an empty string" : typeof secret} is not a key`,
        );
    this.#secrets = secrets as string[];
  }

  async encrypt(value: unknown): Promise<Encrypted> {
    const [key] = await this.#derived();
    if (!key) throw new TypeError("encryptionMiddleware: key: there is none"); // the constructor sees to one
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const text: string | undefined = JSON.stringify(value); // of undefined, and of functions and symbols, there is none
    const plain = new TextEncoder().encode(text ?? "null");
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key.crypto, plain));
    const whole = new Uint8Array(iv.length + sealed.length);
    whole.set(iv);
    whole.set(sealed, iv.length);
    return { [MARK]: true, [STRATEGY_FIELD]: STRATEGY, kid: key.kid, data: toBase64(whole) };
  }

  /** @throws DecryptionError when no key fits, or the value was changed */
  async decrypt(value: Encrypted): Promise<unknown> {
    const { kid } = value;
    if (value[STRATEGY_FIELD] !== STRATEGY)
      throw new DecryptionError(
        `the value was encrypted by ${JSON.stringify(value[STRATEGY_FIELD])}, this middleware reads "${STRATEGY}" only`,
        { keyId: kid },
      );
    const keys = await this.#derived();
    const key = keys.find((one) => one.kid === kid);
    if (!key)
      throw new DecryptionError(
        `no key opens the value: it was encrypted with key ${kid}, there are ${keys.map((one) => one.kid).join(", ")}; add the key to fallbackDecryptionKeys`,
        { keyId: kid },
      );
    try {
      const whole = fromBase64(value.data);
      const iv = whole.subarray(0, IV_BYTES);
      const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key.crypto, whole.subarray(IV_BYTES));
      return JSON.parse(new TextDecoder().decode(plain));
    } catch (cause) {
      throw new DecryptionError(`key ${kid} does not open the value: it is damaged, or was changed`, {
        keyId: kid,
        cause,
      });
    }
  }

  /** Only what is done is kept: a promise of one request must not be awaited by another on Workers. */
  async #derived(): Promise<readonly Key[]> {
    this.#keys ??= await Promise.all(this.#secrets.map(deriveKey));
    return this.#keys;
  }
}

/** HKDF (RFC 5869): one secret gives the key and, independent of it, its id. */
async function deriveKey(secret: string): Promise<Key> {
  const material = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), "HKDF", false, [
    "deriveKey",
    "deriveBits",
  ]);
  const hkdf = (info: string) => ({
    name: "HKDF",
    hash: "SHA-256",
    salt: new TextEncoder().encode("dotdo/inngest/encryption"),
    info: new TextEncoder().encode(info),
  });
  const id = await crypto.subtle.deriveBits(hkdf("key id"), material, KEY_ID_BYTES * 8);
  const key = await crypto.subtle.deriveKey(hkdf("aes-256-gcm"), material, { name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
  return { kid: [...new Uint8Array(id)].map((byte) => byte.toString(16).padStart(2, "0")).join(""), crypto: key };
}

const CHUNK = 32_768; // as many arguments as every engine takes

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
