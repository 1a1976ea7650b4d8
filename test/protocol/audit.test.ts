import { describe, expect, test } from "vitest";
import { outdated } from "../../src/protocol/audit.ts";
import { AUDIT_ENTRIES_MAX as MAX, AUDIT_RETENTION_MS as AGE } from "../../src/protocol/limits.ts";

const NOW = 1_700_000_000_000;
const from = (first: number, at = NOW) => [0, 1, 2].map((n) => ({ seq: first + n, at }));

describe("of an audit trail", () => {
  test.each([
    ["as many as may be are kept", from(1), { seq: MAX, at: NOW }, []],
    ["of one too many the oldest goes", from(1), { seq: MAX + 1, at: NOW }, [1]],
    ["and all that are too many, if there were a gap", from(1), { seq: MAX + 9, at: NOW }, [1, 2, 3]],
    ["what is as old as may be is kept", from(1), { seq: 4, at: NOW + AGE }, []],
    ["what is older goes", from(5), { seq: 8, at: NOW + AGE + 1 }, [5, 6, 7]],
    ["the newest stays, also alone", [{ seq: 1, at: NOW }], { seq: 1, at: NOW }, []],
  ])("%s", (_rule, oldest, newest, gone) => {
    expect(outdated(oldest, newest)).toEqual(gone);
  });
});
