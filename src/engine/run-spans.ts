/** Spans that an app has recorded of a run: how many are kept (inngest-protocol §9.9). */
import { byteLength } from "../protocol/json.ts";
import { SPAN_MAX_BYTES, SPANS_PER_RUN_MAX, SPANS_PER_RUN_MAX_BYTES } from "../protocol/limits.ts";
import type { AppSpan } from "../protocol/span.ts";

/** What a run knows of its spans without reading them. */
export interface SpanTally {
  count: number;
  bytes: number;
  /** of those that came when there was no room */
  refused: number;
}

export const NO_SPANS: SpanTally = { count: 0, bytes: 0, refused: 0 };

/**
 * Which of these spans are kept: those that came first stay, as the roots of a trace may be among them.
 *
 * @param isKnown whether a span of this id is stored: an exporter sends one again when it got no answer
 */
export function keepSpans(
  tally: SpanTally,
  spans: readonly AppSpan[],
  isKnown: (spanId: string) => boolean,
): { kept: AppSpan[]; refused: number; tally: SpanTally } {
  let { count, bytes } = tally;
  const kept = new Map<string, AppSpan>();
  let refused = 0;
  for (const span of spans) {
    if (kept.has(span.spanId) || isKnown(span.spanId)) continue;
    const size = byteLength(JSON.stringify(span));
    if (size > SPAN_MAX_BYTES || count >= SPANS_PER_RUN_MAX || bytes + size > SPANS_PER_RUN_MAX_BYTES) refused += 1;
    else {
      kept.set(span.spanId, span);
      count += 1;
      bytes += size;
    }
  }
  return { kept: [...kept.values()], refused, tally: { count, bytes, refused: tally.refused + refused } };
}
