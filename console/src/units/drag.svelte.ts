/** A unit is dragged onto a case, from the list or the map: one pointer, one unit, one target. */
import { board } from "../state/board.svelte";
import { units } from "../state/units.svelte";

const STARTS_PX = 6; // less is a click with an unsteady hand

/** A map that says which case lies under a point of the window. */
type Finder = (x: number, y: number) => string | null;

class Drag {
  unit = $state<string | null>(null);
  x = $state(0);
  y = $state(0);
  over = $state<string | null>(null);
  #finders = new Set<Finder>();
  #ondrop: (unit: string, caseId: string) => void = () => {};

  /** Who carries it out; one screen at a time. */
  use(ondrop: (unit: string, caseId: string) => void): () => void {
    this.#ondrop = ondrop;
    return () => (this.#ondrop = () => {});
  }
  find(finder: Finder): () => void {
    this.#finders.add(finder);
    return () => this.#finders.delete(finder);
  }
  /** Called when a pointer goes down on a unit; it becomes a drag once the pointer has moved. */
  begin(unit: string, event: { clientX: number; clientY: number; button: number }): void {
    if (event.button !== 0 || !units.all.get(unit)?.is_on_duty) return;
    const stop = new AbortController(), { signal } = stop;
    const from = { x: event.clientX, y: event.clientY };
    addEventListener("pointermove", (move) => {
      if (this.unit === null) {
        if (Math.hypot(move.clientX - from.x, move.clientY - from.y) < STARTS_PX) return;
        this.unit = unit;
      }
      [this.x, this.y] = [move.clientX, move.clientY];
      this.over = this.#at(move.clientX, move.clientY);
    }, { signal });
    addEventListener("pointerup", () => {
      const [dragged, over] = [this.unit, this.over];
      this.#end(stop);
      if (dragged === null) return;
      swallow();
      if (over !== null) this.#ondrop(dragged, over);
    }, { signal });
    addEventListener("pointercancel", () => this.#end(stop), { signal });
    addEventListener("keydown", (press) => {
      if (press.key !== "Escape" || this.unit === null) return;
      press.preventDefault();
      press.stopPropagation();
      this.#end(stop);
    }, { signal, capture: true });
  }
  #end(stop: AbortController): void {
    stop.abort();
    this.unit = this.over = null;
  }
  #at(x: number, y: number): string | null {
    const element = document.elementFromPoint(x, y);
    const id = element?.closest<HTMLElement>("[data-case]")?.dataset["case"] ?? element?.closest<HTMLElement>("[data-drop-case]")?.dataset["dropCase"];
    if (id) return board.cases.has(id) ? id : null;
    for (const each of this.#finders) {
      const found = each(x, y);
      if (found) return found;
    }
    return null;
  }
}

/** The click that a browser makes of a drag's end would choose what lies there. */
function swallow(): void {
  const stop = (event: Event) => { event.stopPropagation(); event.preventDefault(); };
  addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", stop, { capture: true }), 50);
}
export const drag = new Drag();
