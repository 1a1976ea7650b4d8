/** The form of every answer of the v1 API (inngest-protocol §10.3). */
export function envelope<T>(data: T): { data: T; metadata: { fetched_at: string; cached_until: null } } {
  return { data, metadata: { fetched_at: new Date().toISOString(), cached_until: null } };
}
