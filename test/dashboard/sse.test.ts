import { expect, test } from "vitest";
import { EventReader } from "../../dashboard/src/model/sse.ts";

const TEXT =
  'retry: 2000\n\nevent: run\ndata: {"a":"1: 2"}\n\n:\n\nevent: run\ndata: [2]\nid: x=1,y=2\n\nevent: late\ndata: ';

test("events are read wherever the text is cut; comments are left out", () => {
  for (let cut = 0; cut <= TEXT.length; cut++) {
    const reader = new EventReader();
    expect([...reader.take(TEXT.slice(0, cut)), ...reader.take(TEXT.slice(cut))]).toEqual([
      { event: "run", data: { a: "1: 2" }, id: undefined },
      { event: "run", data: [2], id: "x=1,y=2" },
    ]);
    expect(reader.take("3\n\n")).toEqual([{ event: "late", data: 3, id: undefined }]);
  }
});
