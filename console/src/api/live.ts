/** The live stream, with resume. A line without a sign of life for five seconds counts as lost. */
import type { LiveAlarm, LiveAsset } from "../alarms/types";
import type { LiveItem, LiveUnit, Person, Position } from "./types";

export interface LiveHandlers {
  onCase(item: LiveItem): void;
  onUnit?(unit: LiveUnit): void;
  /** A newer position of a duty unit. It is handed on once and never replayed. */
  onPosition?(unit: string, position: Position): void;
  onAlarm?(told: LiveAlarm): void;
  onAsset?(told: LiveAsset): void;
  onPresence(caseId: string, people: Person[]): void;
  onTime(now: string, rate: number): void;
  /** The node can not replay what was missed: the board must be read anew. */
  onReset(): void;
  onLine(isUp: boolean): void;
}

const SILENCE_MS = 4_500; // the node beats every 2 s; loss must be on the screen within 5 s
const LOOK_MS = 250; // a timer for every word would cost more than to read it
const RETRY_MS = [500, 1_000, 2_000, 4_000];

/** Opens the stream after `seq` and keeps it open until `close`. */
export class Live {
  #source: EventSource | null = null;
  #silence: ReturnType<typeof setInterval> | undefined;
  #heard = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;
  #isClosed = false;

  constructor(
    private seq: number,
    private readonly handlers: LiveHandlers,
  ) {
    this.#open();
  }

  get after(): number {
    return this.seq;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#silence);
    clearTimeout(this.#retry);
    this.#source?.close();
  }

  #open(): void {
    // A header can not be set on an EventSource, so the place to resume travels in the address.
    const source = new EventSource(`/api/live?after=${this.seq}`);
    this.#source = source;
    this.#listen();
    const on = (name: string, act: (data: string) => void): void => {
      source.addEventListener(name, (event) => {
        this.#alive();
        const id = Number((event as MessageEvent).lastEventId);
        if (id > this.seq) this.seq = id;
        act((event as MessageEvent<string>).data);
      });
    };
    const time = (data: string): void => {
      const told = JSON.parse(data) as { now?: string; rate?: number };
      if (told.now) this.handlers.onTime(told.now, told.rate ?? 1);
    };
    on("hello", time);
    on("beat", time);
    on("reset", (data) => {
      time(data);
      this.handlers.onReset();
    });
    on("case", (data) => this.handlers.onCase(JSON.parse(data) as LiveItem));
    on("unit", (data) => this.handlers.onUnit?.(JSON.parse(data) as LiveUnit));
    on("alarm", (data) => this.handlers.onAlarm?.(JSON.parse(data) as LiveAlarm));
    on("asset", (data) => this.handlers.onAsset?.(JSON.parse(data) as LiveAsset));
    on("position", (data) => {
      const { unit, ...position } = JSON.parse(data) as Position & { unit: string };
      this.handlers.onPosition?.(unit, position);
    });
    on("presence", (data) => {
      const told = JSON.parse(data) as { case: string; people: Person[] };
      this.handlers.onPresence(told.case, told.people);
    });
    source.onerror = () => this.#lost();
  }

  #alive(): void {
    this.#tries = 0;
    this.#heard = performance.now();
    this.handlers.onLine(true);
  }

  #listen(): void {
    this.#heard = performance.now();
    clearInterval(this.#silence);
    this.#silence = setInterval(() => {
      if (performance.now() - this.#heard >= SILENCE_MS) this.#lost();
    }, LOOK_MS);
  }

  #lost(): void {
    if (this.#isClosed) return;
    clearInterval(this.#silence);
    this.#source?.close();
    this.handlers.onLine(false);
    const wait = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)] ?? 4_000;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), wait);
  }
}
