/** Which cases a board shows, and in which order; all of it is in the address bar. */
import type { BoardItem } from "../api/types";
import { catalogue } from "../state/catalogue.svelte";
import { session } from "../state/session.svelte";
import { settings } from "../state/settings.svelte";

export const KINDS = ["tier", "area", "agency", "type", "state", "clock", "priority"] as const;
export type Kind = (typeof KINDS)[number];
export const CLOCKS = ["late", "risk", "running", "paused"] as const;

const NEVER = 1e15;
const known = new WeakMap<BoardItem, number>();

/** The deadline in milliseconds. Remembered: a board of thousands is sorted many times a minute. */
function dueOf(item: BoardItem): number {
  let at = known.get(item);
  if (at === undefined) known.set(item, (at = item.due_at ? Date.parse(item.due_at) : NEVER));
  return at;
}

/** Late cases first, the longest late before; then life safety; then by deadline. */
export function before(now: number): (a: BoardItem, b: BoardItem) => number {
  const group = (item: BoardItem) => (dueOf(item) < now && !item.paused ? 0 : item.priority === 1 ? 1 : 2);
  return (a, b) => group(a) - group(b) || dueOf(a) - dueOf(b) || a.priority - b.priority || (a.case < b.case ? -1 : 1);
}

export function clockOf(item: BoardItem, now: number): (typeof CLOCKS)[number] | "none" {
  if (item.paused) return "paused";
  const left = dueOf(item) - now;
  if (left > NEVER / 2) return "none";
  if (left < 0) return "late";
  return left < 3_600_000 ? "risk" : "running";
}

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

type Test = (item: BoardItem) => boolean;

/** The filters of `params` as one test; choices of one kind are alternatives. */
export function fits(params: URLSearchParams, now: number): Test {
  const tests: Test[] = [];
  const want = (kind: Kind, values: (item: BoardItem) => readonly (string | null | undefined)[]) => {
    const wanted = new Set(params.getAll(kind));
    if (wanted.size) tests.push((item) => values(item).some((each) => each != null && wanted.has(each)));
  };
  want("tier", (item) => [item.owner_tier]);
  want("area", (item) => item.areas);
  want("agency", (item) => [item.lead, ...(item.agencies ?? [])]);
  want("type", (item) => [item.type]);
  want("state", (item) => [item.status]);
  want("clock", (item) => [clockOf(item, now)]);
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
  return (item) => tests.every((test) => test(item));
}
