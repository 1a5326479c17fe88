/** The cases of a board in their order, and their numbers: what changed is moved, the rest stays.
 *
 * Pure: knows of no screen and no clock, so that it can be held to the plain way of sorting all. */
import type { BoardItem } from "../api/types";

export const CLOCKS = ["late", "risk", "running", "paused"] as const;
export type Clock = (typeof CLOCKS)[number] | "none";
/** Whether a case is shown, with the state its clock is in. Another function is another filter. */
export type Test = (item: BoardItem, clock: Clock) => boolean;
export interface Counts {
  /** Open cases of priority 1 to 4. */
  by: readonly number[];
  late: number;
  risk: number;
}
export interface Ordered {
  items: readonly BoardItem[];
  counts: Counts;
}

const NEVER = 1e15, RISK_MS = 3_600_000;
const ENDED = new Set(["verified", "refused", "void", "merged"]);

/** A case as it was last placed; another one takes its place when anything of it changes. */
interface Entry {
  item: BoardItem;
  /** The deadline in milliseconds. */
  due: number;
  clock: Clock;
  /** Late first; then life safety; then the rest. */
  group: number;
  isShown: boolean;
  isGone: boolean;
}

function clockAt(item: BoardItem, due: number, now: number): Clock {
  if (item.paused) return "paused";
  const left = due - now;
  if (left > NEVER / 2) return "none";
  if (left < 0) return "late";
  return left < RISK_MS ? "risk" : "running";
}

const dues = new WeakMap<BoardItem, number>();

/** Remembered: a board of thousands is asked many times a minute. */
function dueOf(item: BoardItem): number {
  let at = dues.get(item);
  if (at === undefined) dues.set(item, (at = item.due_at ? Date.parse(item.due_at) : NEVER));
  return at;
}

export function clockOf(item: BoardItem, now: number): Clock {
  return clockAt(item, dueOf(item), now);
}

/** Late cases first, the longest late before; then life safety; then by deadline. */
function compare(a: Entry, b: Entry): number {
  return a.group - b.group || a.due - b.due || a.item.priority - b.item.priority || (a.item.case < b.item.case ? -1 : 1);
}

/** Both sorted, without equals: one sorted row of both. */
function merge(a: Entry[], b: Entry[]): Entry[] {
  const all: Entry[] = [];
  let n = 0;
  for (const each of a) {
    while (n < b.length && compare(b[n]!, each) < 0) all.push(b[n++]!);
    all.push(each);
  }
  while (n < b.length) all.push(b[n++]!);
  return all;
}

export class Order {
  #cases: ReadonlyMap<string, BoardItem> | null = null;
  #entries = new Map<string, Entry>();
  #rows: Entry[] = [];
  #come: Entry[] = [];
  #isAnyGone = false;
  #now = Number.NaN;
  #test: Test | null = null;
  #by = [0, 0, 0, 0];
  #late = 0;
  #risk = 0;
  #last: Ordered = { items: [], counts: { by: [0, 0, 0, 0], late: 0, risk: 0 } };

  /** What is shown of `cases` at `now` (milliseconds), first to last.
   *
   * `changed` names the cases that came, changed or went since the last call, and may name others;
   * null: any may have. Cases are replaced, never changed in place. What is equal to the last
   * answer is the very same object. */
  take(cases: ReadonlyMap<string, BoardItem>, changed: Iterable<string> | null, now: number, test: Test): Ordered {
    const isOther = test !== this.#test, isLater = now !== this.#now;
    [this.#now, this.#test] = [now, test];
    const isAll = changed === null || cases !== this.#cases;
    this.#cases = cases;
    for (const id of isAll ? new Set([...this.#entries.keys(), ...cases.keys()]) : changed) {
      const item = cases.get(id), known = this.#entries.get(id);
      if (known?.item === item) continue;
      if (item) this.#place(item, known);
      else if (known) this.#drop(known);
    }
    if (isOther || isLater) {
      for (const each of this.#entries.values()) {
        if (isOther || clockAt(each.item, each.due, now) !== each.clock) this.#place(each.item, each);
      }
    }
    return this.#answer();
  }
  #place(item: BoardItem, known: Entry | undefined): void {
    const due = dueOf(item), clock = clockAt(item, due, this.#now);
    const group = clock === "late" ? 0 : item.priority === 1 ? 1 : 2, isShown = this.#test!(item, clock);
    // Another filter that leaves a case where it is moves nothing.
    if (known?.item === item && known.clock === clock && known.isShown === isShown) return;
    if (known) this.#out(known);
    const entry = { item, due, clock, group, isShown, isGone: false };
    this.#entries.set(item.case, entry);
    this.#count(entry, 1);
    if (isShown) this.#come.push(entry);
  }
  #drop(known: Entry): void {
    this.#out(known);
    this.#entries.delete(known.item.case);
  }
  #out(known: Entry): void {
    known.isGone = true;
    this.#isAnyGone ||= known.isShown;
    this.#count(known, -1);
  }
  #count(entry: Entry, by: 1 | -1): void {
    if (ENDED.has(entry.item.status) || entry.item.drill) return; // an exercise counts in no number
    this.#by[entry.item.priority - 1]! += by;
    if (entry.clock === "late") this.#late += by;
    else if (entry.clock === "risk") this.#risk += by;
  }
  #answer(): Ordered {
    let { items, counts } = this.#last;
    if (this.#isAnyGone || this.#come.length) {
      const kept = this.#isAnyGone ? this.#rows.filter((each) => !each.isGone) : this.#rows;
      // Placed twice in one call, once for itself and once for the time: the last place is true.
      const come = this.#come.filter((each) => !each.isGone).sort(compare);
      this.#rows = come.length ? merge(kept, come) : kept;
      items = this.#rows.map((each) => each.item);
      [this.#come, this.#isAnyGone] = [[], false];
    }
    const isEqual = counts.late === this.#late && counts.risk === this.#risk && counts.by.every((n, at) => n === this.#by[at]);
    if (!isEqual) counts = { by: [...this.#by], late: this.#late, risk: this.#risk };
    if (items !== this.#last.items || counts !== this.#last.counts) this.#last = { items, counts };
    return this.#last;
  }
}
