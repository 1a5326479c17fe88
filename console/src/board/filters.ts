/** Which cases a board shows, and in which order; all of it is in the address bar. */
import type { BoardItem } from "../api/types";
import { catalogue } from "../state/catalogue.svelte";
import { session } from "../state/session.svelte";

export const KINDS = ["tier", "area", "agency", "type", "state", "clock", "priority"] as const;
export type Kind = (typeof KINDS)[number];
export const CLOCKS = ["late", "risk", "running", "paused"] as const;

/** Late cases first, the longest late before; then life safety; then by deadline. */
export function before(now: number): (a: BoardItem, b: BoardItem) => number {
  const group = (item: BoardItem) => (item.due_at && Date.parse(item.due_at) < now && !item.paused ? 0 : item.priority === 1 ? 1 : 2);
  return (a, b) => group(a) - group(b) || key(a) - key(b) || a.priority - b.priority || (a.case < b.case ? -1 : 1);
}
const NEVER = 1e15;
function key(item: BoardItem): number {
  return item.due_at ? Date.parse(item.due_at) : NEVER;
}

export function clockOf(item: BoardItem, now: number): (typeof CLOCKS)[number] | "none" {
  if (item.paused) return "paused";
  if (!item.due_at) return "none";
  const left = Date.parse(item.due_at) - now;
  if (left < 0) return "late";
  return left < 3_600_000 ? "risk" : "running";
}

/** Whether an item passes the filters of `params`; choices of one kind are alternatives. */
export function fits(item: BoardItem, params: URLSearchParams, now: number): boolean {
  const has = (kind: Kind, ...values: (string | null | undefined)[]) => {
    const wanted = params.getAll(kind);
    return wanted.length === 0 || values.some((each) => each != null && wanted.includes(each));
  };
  if (!has("tier", item.owner_tier) || !has("area", ...item.areas) || !has("agency", item.lead, ...(item.agencies ?? []))) return false;
  if (!has("type", item.type) || !has("state", item.status) || !has("clock", clockOf(item, now)) || !has("priority", String(item.priority))) return false;
  if (params.get("mine") === "1") {
    const mine = session.agencies.length ? session.agencies.includes(item.expects?.agency ?? "") : session.has(item.expects?.who ?? "-");
    if (!mine) return false;
  }
  const words = (params.get("q") ?? "").trim().toLowerCase();
  if (!words) return true;
  const text = [catalogue.type(item.type), item.case, ...item.areas.map((each) => catalogue.area(each)), catalogue.agency(item.lead), catalogue.word("statuses", item.status)].join(" ").toLowerCase();
  return words.split(/\s+/).every((each) => text.includes(each));
}
