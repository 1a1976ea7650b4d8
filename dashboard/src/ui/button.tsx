import type { ComponentProps } from "react";
import { useMayAct } from "../api/session.ts";

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

interface Props extends ComponentProps<"button"> {
  look?: Look;
  /** leads to something that changes the platform: not for those who only look */
  acts?: boolean;
}

export function Button({ look = "plain", className = "", acts = false, disabled, ...rest }: Props) {
  const mayAct = useMayAct();
  const isBarred = acts && !mayAct;
  return (
    <button
      type="button"
      className={`${buttonClass(look)} ${className}`}
      disabled={disabled === true || isBarred}
      {...(isBarred ? { title: "You may only look" } : {})}
      {...rest}
    />
  );
}
