/** Which cases a board shows; all of it is in the address bar. */
import type { BoardItem } from "../api/types";
import { catalogue } from "../state/catalogue.svelte";
import { session } from "../state/session.svelte";
import { settings } from "../state/settings.svelte";
import type { Clock, Test } from "./order";

export const KINDS = ["tier", "area", "agency", "type", "state", "clock", "priority"] as const;
export type Kind = (typeof KINDS)[number];
let texts = new WeakMap<BoardItem, string>(), textsIn = "";

/** What a search looks into. Remembered for one language: at fifty changes a second most are old. */
function textOf(item: BoardItem): string {
  if (textsIn !== settings.language) [texts, textsIn] = [new WeakMap(), settings.language];
  let text = texts.get(item);
  if (text === undefined) {
    text = [catalogue.type(item.type), item.case, ...item.areas.map((each) => catalogue.area(each)), catalogue.agency(item.lead), ...(item.agencies ?? []).map((each) => catalogue.agency(each)), catalogue.word("statuses", item.status)].join(" ").toLowerCase();
    texts.set(item, text);
  }
  return text;
}

/** The filters of `params` as one test; choices of one kind are alternatives. */
export function fits(params: URLSearchParams): Test {
  const tests: Test[] = [];
  const want = (kind: Kind, values: (item: BoardItem, clock: Clock) => readonly (string | null | undefined)[]) => {
    const wanted = new Set(params.getAll(kind));
    if (wanted.size) tests.push((item, clock) => values(item, clock).some((each) => each != null && wanted.has(each)));
  };
  want("tier", (item) => [item.owner_tier]);
  want("area", (item) => item.areas);
  want("agency", (item) => [item.lead, ...(item.agencies ?? [])]);
  want("type", (item) => [item.type]);
  want("state", (item) => [item.status]);
  want("clock", (_, clock) => [clock]);
  want("priority", (item) => [String(item.priority)]);
  if (params.get("mine") === "1") {
    const agencies = session.agencies;
    tests.push((item) => (agencies.length ? agencies.includes(item.expects?.agency ?? "") : session.has(item.expects?.who ?? "-")));
  }
  const words = (params.get("q") ?? "").trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) {
    tests.push((item) => {
      const text = textOf(item);
      return words.every((each) => text.includes(each));
    });
  }
  return (item, clock) => tests.every((test) => test(item, clock));
}
