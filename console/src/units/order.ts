/** One way to give a command on a unit: the screen shows what surely follows, and takes it back
 * with the node's own words when it is refused. */
import { newKey, post, Refusal } from "../api/client";
import { confirmDrill } from "../alarms/confirm.svelte";
import { words as alarmWords } from "../alarms/words";
import { board } from "../state/board.svelte";
import { catalogue } from "../state/catalogue.svelte";
import { speak } from "../words";
import type { Unit, UnitStatus } from "../api/types";
import { clock } from "../state/clock.svelte";
import { units } from "../state/units.svelte";

export type Verb = "report_status" | "send" | "stack" | "recall" | "start_duty" | "end_duty" | "redispatch" | "move";

export function pathOf(unit: string, verb: Verb): string {
  return `/api/units/${encodeURIComponent(unit)}/${verb.replaceAll("_", "-")}`;
}

/** What the unit surely is after it; null where that is for the node to say. */
function after(unit: Unit, verb: Verb, body: Record<string, unknown>, means?: string): Unit | null {
  const since = new Date(clock.read()).toISOString();
  if (verb === "report_status" && means) return { ...unit, status: means as UnitStatus, called: body["status"] === means ? "" : String(body["status"]), next: [] };
  if (verb === "send") return { ...unit, status: "dispatched", called: "", is_free: false, next: [], cases: [{ case: String(body["case"]), since, is_stacked: false }] };
  return null;
}

const d = speak(alarmWords);

/** Throws the refusal, after the screen shows again what was before. */
export async function order(id: string, verb: Verb, body: Record<string, unknown>, means?: string): Promise<Unit> {
  const before = units.all.get(id);
  const item = verb === "recall" ? undefined : board.cases.get(String(body["case"] ?? body["to_case"] ?? ""));
  if (item?.drill && ["send", "stack", "redispatch"].includes(verb)) {
    if (!(await confirmDrill.ask(before?.name ?? id, catalogue.type(item.type)))) throw new Refusal(409, { reason: "drill_unconfirmed", title: d("not_sent") });
    body = { ...body, is_drill_confirmed: true };
  }
  const guess = before ? after(before, verb, body, means) : null;
  if (guess) units.put(guess);
  try {
    const now = await post<Unit>(pathOf(id, verb), body, { key: newKey() });
    const known = units.all.get(id);
    if (!known || known.version <= now.version) units.put({ ...now, position: newest(known, now) });
    return now;
  } catch (error) {
    const known = units.all.get(id);
    // Only what this order put there is taken back; what the stream told meanwhile stays.
    if (before && guess && known && known.version === before.version) units.put({ ...before, position: known.position });
    throw error;
  }
}

function newest(known: Unit | undefined, now: Unit): Unit["position"] {
  if (!now.is_on_duty || !known?.position) return now.position;
  return now.position && now.position.at > known.position.at ? now.position : known.position;
}
