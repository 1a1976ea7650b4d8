import { Button } from "./button.tsx";
import { Icon } from "./icons.tsx";
import { setTheme, THEMES, useTheme } from "./theme.ts";

/** Goes from one theme to the next. */
export function ThemeButton() {
  const theme = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <Button
      look="quiet"
      onClick={() => setTheme(next)}
      aria-label={`Theme: ${theme}. Change to ${next}`}
      title={`Theme: ${theme}`}
    >
      <Icon name="sun" />
    </Button>
  );
}
