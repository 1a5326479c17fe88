/** Every open alarm and every drill one may see, kept true by the live stream. */
import { get, newKey, post, Refusal } from "../api/client";
import { catalogue } from "../state/catalogue.svelte";
import { clock } from "../state/clock.svelte";
import { devices } from "../state/devices";
import { Heard } from "../state/heard";
import { nameAt } from "./names";
import type { Alarm, Drill, LiveAlarm, LiveAsset } from "./types";

/** EEMUA 191 and ISA-18.2: more than ten in ten minutes are more than one operator can take. */
export const FLOOD_COUNT = 10;
export const FLOOD_MS = 600_000;
const RECENT_KEPT = 5_000;
const CLOSED_KEPT = 1_000;

class Alarms {
  /** Replaced, never changed in place: `version` says that something in it is new. */
  all = new Map<string, Alarm>();
  version = $state(0);
  isLoaded = $state(false);
  newest = $state.raw<Alarm | null>(null);
  drills = $state.raw<Drill[]>([]);
  /** How many were raised in the last ten minutes. */
  recent = $state(0);
  #raised: number[] = [];
  #frame = 0;
  #listeners = new Set<(told: LiveAsset) => void>();
  #drillsAgain: ReturnType<typeof setTimeout> | undefined;
  #heard = new Heard<Alarm>();
  /** The versions in which the last alarms were closed: no late answer brings one of them back. */
  #closed = new Map<string, number>();

  constructor() {
    devices.taker = { onAlarm: (told) => this.#onAlarm(told), onAsset: (told) => this.#onAsset(told), onStart: () => void this.load() };
    setInterval(() => this.#count(), 5_000);
  }
  async load(): Promise<void> {
    const run = this.#heard.begin();
    try {
      const [page, found] = await Promise.all([
        get<{ alarms: Alarm[] }>("/api/alarms?limit=500"), get<{ drills: Drill[] }>("/api/drills"),
      ]);
      const all = this.#heard.merge(run, page.alarms, this.all);
      if (all === null) return;
      for (const each of all.values()) if (this.#isClosed(each)) all.delete(each.id);
      this.all = all;
      this.#raised = [...this.all.values()].filter((each) => each.standing === "normal" && each.raised_at).map((each) => Date.parse(each.raised_at!)).sort((a, b) => a - b);
      this.drills = found.drills;
      this.isLoaded = true;
      this.#count();
      this.#changed();
    } catch (error) {
      if (error instanceof Refusal && error.status === 403) return; // a role without alarms
      console.info("alarms can not be read", error);
      setTimeout(() => void this.load(), 3_000);
    }
  }
  /** The site and the device of it: a button by itself is in no school. */
  placeOf(alarm: Alarm): string {
    return nameAt(alarm.site_name, alarm.asset_name);
  }
  /** In the language that is chosen now: the stream speaks none, and what was read spoke another. */
  nameOf(alarm: Alarm): string {
    return catalogue.alarmKind(alarm.kind);
  }
  /** One press for an alarm; the answer is shown, the stream's own word follows. */
  async act(alarm: Alarm, verb: string, body: Record<string, unknown> = {}): Promise<void> {
    const path = `/api/alarms/${encodeURIComponent(alarm.id)}/${verb}`;
    this.put(await post<Alarm>(path, body, verb === "cancel" ? {} : { key: newKey() }));
  }
  put(alarm: Alarm): void {
    const known = this.all.get(alarm.id);
    if (known && known.version > alarm.version) return; // an older word that arrived late
    this.#heard.hear(alarm);
    if (alarm.condition === "closed") this.#close(alarm);
    else if (!this.#isClosed(alarm)) this.all.set(alarm.id, alarm);
    this.#changed();
  }
  #close(alarm: Alarm): void {
    this.all.delete(alarm.id);
    this.#closed.set(alarm.id, alarm.version);
    const [oldest] = this.#closed.keys();
    if (this.#closed.size > CLOSED_KEPT && oldest) this.#closed.delete(oldest);
  }
  #isClosed(alarm: Alarm): boolean {
    return alarm.condition === "closed" || alarm.version < (this.#closed.get(alarm.id) ?? 0);
  }
  whenAsset(act: (told: LiveAsset) => void): () => void {
    this.#listeners.add(act);
    return () => this.#listeners.delete(act);
  }
  async readDrills(): Promise<void> {
    this.drills = (await get<{ drills: Drill[] }>("/api/drills")).drills;
  }
  #onAlarm(told: LiveAlarm): void {
    const isNew = !this.all.has(told.id) && told.condition !== "closed";
    this.put(told);
    if (isNew) this.newest = told;
    const isRaised = told.events.includes("alarm_raised") || told.events.includes("alarm_raised_again");
    if (isRaised && told.standing === "normal") {
      this.#raised.push(Date.parse(told.at));
      if (this.#raised.length > 2 * RECENT_KEPT) this.#raised = this.#raised.slice(-RECENT_KEPT);
      this.#changed();
    }
  }
  #onAsset(told: LiveAsset): void {
    for (const each of this.#listeners) each(told);
    if (told.events.some((each) => each.startsWith("asset_drill"))) {
      // A drill of a town is told once for each device: it is read anew when they have all spoken,
      // but the first of them is on the screen at once.
      clearTimeout(this.#drillsAgain);
      this.#drillsAgain = setTimeout(() => void this.readDrills().catch(() => {}), 120);
    }
  }
  #count(): void {
    const since = clock.read() - FLOOD_MS;
    let from = 0;
    while (from < this.#raised.length && this.#raised[from]! < since) from++;
    if (from) this.#raised.splice(0, from);
    this.recent = this.#raised.length;
    // A drill ends by itself: no word of the node is needed for that.
    const now = clock.read();
    if (this.drills.some((each) => Date.parse(each.until) <= now)) this.drills = this.drills.filter((each) => Date.parse(each.until) > now);
  }
  /** Many changes of one frame are one change on the screen. */
  #changed(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.recent = this.#raised.length;
      this.version++;
    });
  }
}
export const alarms = new Alarms();

/** An exercise never stands over what is real, also where somebody has seen to that already. */
const rank = (each: Alarm) => (each.is_announced ? 0 : isMuted(each) ? 3 : each.is_drill ? 2 : 1);
const weight = (each: Alarm) => rank(each) * 100 + each.priority * 10 + (each.is_life_safety ? 0 : 1);
/** What asks for somebody first; then by priority, lives first, the newest first. */
export function before(a: Alarm, b: Alarm): number {
  return weight(a) - weight(b) || (a.opened_at < b.opened_at ? 1 : a.opened_at > b.opened_at ? -1 : a.id < b.id ? 1 : -1);
}
/** Kept from the operator for a reason; a drill is not, it is shown as one. */
export const isMuted = (each: Alarm) => each.standing !== "normal" && each.standing !== "drill";
