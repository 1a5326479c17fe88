/** Every open case one may see, kept true by the live stream. */
import { get, query, Refusal } from "../api/client";
import { Live } from "../api/live";
import type { BoardItem, LiveItem, Person } from "../api/types";
import { clock } from "./clock.svelte";
import { devices } from "./devices";
import { units } from "./units.svelte";

interface Page {
  rows: BoardItem[];
  next: string | null;
  seq: number;
  now: string;
}

const FIRST = 100; // enough for the first paint; the rest follows while people read
const REST = 5_000;
const AGAIN_MS = 2_000;
const ENDED = new Set(["verified", "refused", "void", "merged"]);
/** How many changes are remembered by name; who is farther behind looks at all. */
const CHANGES_KEPT = 10_000;
export const ENDED_KEPT_MS = 30_000; // an ended case stays a moment, so that one sees how it ended

type Listener = (item: LiveItem, before: BoardItem | undefined) => void;

class Board {
  /** Replaced, never changed in place: `version` says that something in it is new. */
  cases = new Map<string, BoardItem>();
  version = $state(0);
  /** How many changes there were so far, of any case. */
  told = 0;
  isLoaded = $state(false);
  isLive = $state(false);
  /** The node's time at which the line was lost. */
  lostAt = $state<number | null>(null);
  presence = $state<Record<string, Person[]>>({});
  #live: Live | null = null;
  #listeners = new Set<Listener>();
  #frame = 0;
  #changes: string[] = [];
  #run = 0;
  #again: ReturnType<typeof setTimeout> | undefined;

  /** Reads the board and follows it. A line that fails on the way is shown and tried again; a
   * refusal is thrown. */
  async start(): Promise<void> {
    this.stop();
    // A later start, or a stop, makes this one void: two streams must never feed one board.
    const run = this.#run;
    try {
      await this.#read(run);
    } catch (error) {
      if (run !== this.#run) return;
      if (error instanceof Refusal && error.status < 500 && error.status !== 429) throw error;
      // Part of a board must not pass for the whole of it.
      this.stop();
      this.#onLine(false);
      this.#again = setTimeout(() => this.#restart(), AGAIN_MS);
    }
  }
  stop(): void {
    this.#run++;
    clearTimeout(this.#again);
    this.#live?.close();
    this.#live = null;
  }
  async #read(run: number): Promise<void> {
    let page = await get<Page>(`/api/board${query({ limit: FIRST })}`);
    if (run !== this.#run) return;
    const seq = page.seq;
    clock.set(page.now, clock.rate);
    this.cases = new Map(); // another map: none of its cases is known
    this.#changed();
    this.#take(page.rows);
    this.isLoaded = page.next === null;
    // From the seq of the first page on, nothing is missed while the others are read.
    this.#live = new Live(seq, {
      onCase: (item) => this.#onCase(item),
      onUnit: (unit) => units.onUnit(unit),
      onPosition: (id, position) => units.onPosition(id, position),
      onAlarm: (told) => devices.taker?.onAlarm(told),
      onAsset: (told) => devices.taker?.onAsset(told),
      onPresence: (id, people) => (this.presence = { ...this.presence, [id]: people }),
      onTime: (now, rate) => clock.set(now, rate),
      onReset: () => this.#restart(),
      onLine: (isUp) => this.#onLine(isUp),
    });
    const all = units.load();
    devices.taker?.onStart();
    if (page.next !== null) await painted(); // the large page must not stand before the first rows
    while (page.next !== null && run === this.#run) {
      page = await get<Page>(`/api/board${query({ limit: REST, after: page.next })}`);
      if (run === this.#run) this.#take(page.rows);
    }
    if (run === this.#run) this.isLoaded = true;
    await all;
  }
  #restart(): void {
    // A refusal here is a session that ended: signing in again starts the board.
    this.start().catch((error) => console.info("the board can not be read", error));
  }
  #onLine(isUp: boolean): void {
    this.isLive = isUp;
    this.lostAt = isUp ? null : (this.lostAt ?? clock.read());
  }
  /** The cases that changed since there had been `seen` changes; null where that is too long ago. */
  changes(seen: number): readonly string[] | null {
    const missed = this.told - seen;
    return missed > this.#changes.length ? null : this.#changes.slice(this.#changes.length - missed);
  }
  /** Told of every change on the stream, with what was known before. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  /** Puts a case as an answer showed it; the stream's own word follows. */
  put(item: BoardItem): void {
    this.#set(item);
  }
  #take(rows: BoardItem[]): void {
    for (const row of rows) this.#set(row);
  }
  #onCase(item: LiveItem): void {
    const before = this.cases.get(item.case);
    this.#set(item);
    for (const each of this.#listeners) each(item, before);
    if (ENDED.has(item.status)) {
      setTimeout(() => {
        if (this.cases.get(item.case)?.version === item.version) {
          this.cases.delete(item.case);
          this.#changed(item.case);
        }
      }, ENDED_KEPT_MS);
    }
  }
  #set(item: BoardItem): void {
    const known = this.cases.get(item.case);
    if (known && known.version > item.version) return; // an older word that arrived late
    this.cases.set(item.case, item);
    this.#changed(item.case);
  }
  /** Many changes of one frame are one change on the screen. */
  #changed(id?: string): void {
    if (id !== undefined) {
      this.told++;
      if (this.#changes.push(id) > 2 * CHANGES_KEPT) this.#changes = this.#changes.slice(-CHANGES_KEPT);
    }
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.version++;
    });
  }
}

/** After the next frame is on the screen; a tab in the background paints none and does not wait. */
export function painted(): Promise<void> {
  return new Promise((done) => {
    const late = setTimeout(done, 1_000);
    requestAnimationFrame(() => requestAnimationFrame(() => {
      clearTimeout(late);
      setTimeout(done, 0);
    }));
  });
}
export const board = new Board();
