/** The signing key, where the platform asks for one: kept for this tab, sent as the API wants it, stored nowhere else. */
const SLOT = "inngest-signing-key";

export function signingKey(): string | null {
  return sessionStorage.getItem(SLOT);
}

export function keepSigningKey(key: string): void {
  sessionStorage.setItem(SLOT, key.trim());
}
