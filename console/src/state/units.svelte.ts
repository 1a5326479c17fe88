/** Every unit one may see, kept true by the live stream. Positions are those of units on duty, only
 * the newest, and are forgotten with the duty. Nothing here is about anybody but units. */
import { get, Refusal } from "../api/client";
import type { LiveUnit, Position, Unit } from "../api/types";
import { clock } from "./clock.svelte";
import { Heard } from "./heard";

interface Page {
  units: Unit[];
  stale_after_s: number;
}

/** A position at which nobody should look as if it were now. */
const STALE_S = 120;

class Units {
  /** Replaced, never changed in place: `version` says that a unit is new, `moved` that a position is. */
  all = new Map<string, Unit>();
  version = $state(0);
  moved = $state(0);
  isLoaded = $state(false);
  staleAfter = STALE_S;
  #frame = 0;
  #isNews = false;
  #heard = new Heard<Unit>();

  async load(): Promise<void> {
    const run = this.#heard.begin();
    let page: Page;
    try {
      page = await get<Page>("/api/units");
    } catch (error) {
      if (error instanceof Refusal && error.status === 403) return; // a role without units
      throw error;
    }
    this.staleAfter = page.stale_after_s;
    const all = this.#heard.merge(run, page.units, this.all);
    if (all === null) return;
    for (const [id, each] of all) {
      const last = this.all.get(id)?.position;
      if (each.is_on_duty && last && last.at > (each.position?.at ?? "")) all.set(id, { ...each, position: last });
    }
    this.all = all;
    this.isLoaded = true;
    this.#changed(true);
  }
  onUnit(told: LiveUnit): void {
    const known = this.all.get(told.id);
    if (known && known.version > told.version) return; // an older word that arrived late
    this.put({ ...told, capabilities: known?.capabilities ?? [], position: told.is_on_duty ? (known?.position ?? null) : null });
  }
  onPosition(id: string, position: Position): void {
    const known = this.all.get(id);
    if (!known?.is_on_duty) return;
    if (known.position && known.position.at > position.at) return;
    this.all.set(id, { ...known, position });
    this.#changed(false);
  }
  /** Puts a unit as an answer showed it, or as it surely will be; the stream's own word follows. */
  put(unit: Unit): void {
    this.#heard.hear(unit);
    this.all.set(unit.id, unit);
    this.#changed(true);
  }
  /** How old a position is by the node's clock, in seconds. */
  age(position: Position): number {
    return Math.max(0, (clock.now - Date.parse(position.at)) / 1_000);
  }
  isStale(position: Position): boolean {
    return this.age(position) > this.staleAfter;
  }
  /** Many changes of one frame are one change on the screen. */
  #changed(isNews: boolean): void {
    this.#isNews ||= isNews;
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.moved++;
      if (this.#isNews) this.version++;
      this.#isNews = false;
    });
  }
}
export const units = new Units();
