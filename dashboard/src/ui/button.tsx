import type { ComponentProps } from "react";

type Look = "plain" | "strong" | "danger" | "quiet";

const LOOKS: Record<Look, string> = {
  plain: "border-line bg-panel hover:bg-sunken border",
  strong: "bg-accent text-on-accent hover:opacity-90",
  danger: "border-bad text-bad hover:bg-bad/10 border",
  quiet: "text-soft hover:text-ink hover:bg-sunken",
};

const SHAPE =
  "inline-flex h-8 shrink-0 items-center gap-1.5 rounded-md px-2.5 font-medium whitespace-nowrap disabled:cursor-default disabled:opacity-50";

export function buttonClass(look: Look = "plain"): string {
  return `${SHAPE} ${LOOKS[look]}`;
}

export function Button({ look = "plain", className = "", ...rest }: ComponentProps<"button"> & { look?: Look }) {
  return <button type="button" className={`${buttonClass(look)} ${className}`} {...rest} />;
}
