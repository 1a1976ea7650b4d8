import { useState } from "react";
import { piecesOf, TEXT_CUT } from "../model/json.ts";
import { sizeText } from "../model/size.ts";

/** A text of any length: cut, and laid out in pieces once all of it is asked for. Its direction stays within it. */
export function LongText({ text, isQuoted = false }: { text: string; isQuoted?: boolean }) {
  const [isWhole, setWhole] = useState(false);
  const quote = isQuoted ? '"' : "";
  if (text.length <= TEXT_CUT)
    return (
      <bdi className="whitespace-pre-wrap">
        {quote}
        {text}
        {quote}
      </bdi>
    );
  const toggle = (
    <button type="button" className="text-accent ml-1 font-sans underline" onClick={() => setWhole(!isWhole)}>
      {isWhole ? "Show less" : `Show all (${sizeText(text.length)})`}
    </button>
  );
  if (!isWhole)
    return (
      <span>
        <bdi className="whitespace-pre-wrap">
          {quote}
          {text.slice(0, TEXT_CUT)}…
        </bdi>
        {toggle}
      </span>
    );
  return (
    <span>
      {toggle}
      {piecesOf(text).map((piece, i) => (
        <bdi key={i} className="piece block whitespace-pre-wrap">
          {piece}
        </bdi>
      ))}
    </span>
  );
}
