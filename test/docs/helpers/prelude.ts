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
