/** New emergencies that nobody here has looked at yet. Told on whatever screen one is. */
import type { LiveItem } from "../api/types";
import { board } from "./board.svelte";
import { settings } from "./settings.svelte";
import { alarm } from "./sound";

const ENDED = new Set(["verified", "refused", "void", "merged"]);

class Emergencies {
  /** Not yet seen, the newest last. */
  unseen = $state.raw<readonly LiveItem[]>([]);
  fresh = $derived<ReadonlySet<string>>(new Set(this.unseen.map((each) => each.case)));
  latest = $derived<LiveItem | null>(this.unseen.at(-1) ?? null);

  /** Taken by this very person: no news to them. */
  #known = new Set<string>();

  constructor() {
    board.listen((item, before) => {
      if (ENDED.has(item.status)) return this.see(item.case);
      // A case that is merely not loaded yet is no news; one that has just become urgent is.
      const isNew = before ? before.priority !== 1 : item.events.includes("case_opened");
      if (item.priority !== 1 || !isNew || this.#known.has(item.case)) return;
      this.unseen = [...this.unseen.filter((each) => each.case !== item.case), item];
      // A silent case makes no sound anywhere: who pressed may stand beside a screen; and a drill is none.
      if (settings.sound && !item.silent && !item.drill) alarm();
    });
  }
  know(id: string): void {
    this.#known.add(id);
    this.see(id);
  }
  see(id: string): void {
    if (this.unseen.some((each) => each.case === id)) this.unseen = this.unseen.filter((each) => each.case !== id);
  }
}
export const emergencies = new Emergencies();
