/** Names on the left, time on the right. */
export const COLUMNS = "grid grid-cols-[minmax(7rem,2fr)_minmax(0,5fr)] gap-3";
