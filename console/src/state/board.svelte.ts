/** Every open case one may see, kept true by the live stream. */
import { get, query } from "../api/client";
import { Live } from "../api/live";
import type { BoardItem, LiveItem, Person } from "../api/types";
import { clock } from "./clock.svelte";

interface Page {
  rows: BoardItem[];
  next: string | null;
  seq: number;
  now: string;
}

const FIRST = 100; // enough for the first paint; the rest follows while people read
const REST = 5_000;
const ENDED = new Set(["verified", "refused", "void", "merged"]);
export const ENDED_KEPT_MS = 30_000; // an ended case stays a moment, so that one sees how it ended

type Listener = (item: LiveItem, before: BoardItem | undefined) => void;

class Board {
  /** Replaced, never changed in place: `version` says that something in it is new. */
  cases = new Map<string, BoardItem>();
  version = $state(0);
  isLoaded = $state(false);
  isLive = $state(false);
  lostAt = $state<number | null>(null);
  presence = $state<Record<string, Person[]>>({});
  #live: Live | null = null;
  #listeners = new Set<Listener>();
  #frame = 0;

  async start(): Promise<void> {
    this.stop();
    let page = await get<Page>(`/api/board${query({ limit: FIRST })}`);
    const seq = page.seq;
    clock.set(page.now, clock.rate);
    this.cases = new Map();
    this.#take(page.rows);
    this.isLoaded = page.next === null;
    // From the seq of the first page on, nothing is missed while the others are read.
    this.#live = new Live(seq, {
      onCase: (item) => this.#onCase(item),
      onPresence: (id, people) => (this.presence = { ...this.presence, [id]: people }),
      onTime: (now, rate) => clock.set(now, rate),
      onReset: () => void this.start(),
      onLine: (isUp) => {
        this.isLive = isUp;
        this.lostAt = isUp ? null : (this.lostAt ?? Date.now());
      },
    });
    while (page.next !== null) {
      page = await get<Page>(`/api/board${query({ limit: REST, after: page.next })}`);
      this.#take(page.rows);
    }
    this.isLoaded = true;
  }
  stop(): void {
    this.#live?.close();
    this.#live = null;
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
          this.#changed();
        }
      }, ENDED_KEPT_MS);
    }
  }
  #set(item: BoardItem): void {
    const known = this.cases.get(item.case);
    if (known && known.version > item.version) return; // an older word that arrived late
    this.cases.set(item.case, item);
    this.#changed();
  }
  /** Many changes of one frame are one change on the screen. */
  #changed(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.version++;
    });
  }
}
export const board = new Board();
