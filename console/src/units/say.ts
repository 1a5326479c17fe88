/** What is said of a unit in words, in one place for the list, the panel and the map. */
import type { Unit } from "../api/types";
import { catalogue } from "../state/catalogue.svelte";
import { units } from "../state/units.svelte";
import { span, speak } from "../words";
import { words } from "./words";

const t = speak(words);

/** The agency's own name of the status, else ours. */
export function statusOf(unit: Pick<Unit, "status" | "called">): string {
  return unit.called || catalogue.word("unit_statuses", unit.status);
}

/** "moves to E7" on the way there, "waits at E7" once it is there; "" for a unit at its own post. */
export function moveOf(unit: Pick<Unit, "status" | "move_up">): string {
  if (!unit.move_up) return "";
  return t(unit.status === "available" ? "waits_at" : "moves_to", { to: unit.move_up.name });
}

/** "1:35 ago", "old: 4 min ago", "no position". */
export function ageOf(unit: Unit): { text: string; isStale: boolean } {
  if (unit.position === null) return { text: t("no_position"), isStale: false };
  const age = units.age(unit.position);
  if (age < 15) return { text: t("now"), isStale: false };
  const isStale = units.isStale(unit.position);
  // In steps of ten seconds, then of minutes: an age that runs on its own is one more thing that moves.
  const rough = age < 60 ? t("seconds", { n: Math.floor(age / 10) * 10 }) : age < 7_200 ? t("minutes", { n: Math.floor(age / 60) }) : span(age * 1_000);
  return { text: t(isStale ? "stale" : "age", { span: rough }), isStale };
}

export interface Button { status: string; means: string; label: string }

/** The buttons a crew may press now: the statuses that may follow, by their own names where the
 * agency has some, in the order in which they come in a call. */
export function buttonsOf(unit: Unit): Button[] {
  const own = catalogue.agencies.get(unit.agency)?.unit_statuses ?? [];
  return unit.next.flatMap((status): Button[] => {
    const named = own.filter((each) => each.means === status);
    const common = { status, means: status, label: catalogue.word("unit_statuses", status) };
    return [common, ...named.map((each) => ({ status: each.name, means: status, label: each.name }))];
  });
}
