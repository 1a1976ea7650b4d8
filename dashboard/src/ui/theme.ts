import { useSyncExternalStore } from "react";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const SLOT = "inngest-theme";
const listeners = new Set<() => void>();

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, theme);
}

function theme(): Theme {
  const kept = localStorage.getItem(SLOT);
  return THEMES.find((one) => one === kept) ?? "system";
}

export function setTheme(next: Theme): void {
  localStorage.setItem(SLOT, next);
  applyTheme();
  for (const listener of listeners) listener();
}

/** `styles.css` has the rest: without the attribute the system decides. */
export function applyTheme(): void {
  const chosen = theme();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}
