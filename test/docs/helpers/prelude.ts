/**
 * Helpers that examples in the documentation use without defining them: an example's module imports those that it
 * names. They do what a reader expects of the name, at once.
 */
export interface User {
  id: string;
  name: string;
  email: string;
}

export async function fetchUser(id: string): Promise<User> {
  return { id, name: "Ada", email: "ada@example.com" };
}

export async function syncToCRM(user: User): Promise<{ contact: string }> {
  return { contact: `crm-${user.id}` };
}

/** Charges a customer; what the payment service answers. */
export async function chargeCard(orderId: string, cents: number): Promise<{ id: string; cents: number }> {
  return { id: `ch_${orderId}`, cents };
}

/** What is at a URL, unless the signal says that nobody waits for it any more. */
export async function download(url: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return `content of ${url}`;
}

export async function refundCard(chargeId: string): Promise<{ refunded: string }> {
  return { refunded: chargeId };
}
