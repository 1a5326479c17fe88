/** The roster: planned duties of units and who is not where it has them. Units only, no people. */
import { get, newKey, post, query } from "../api/client";
import type { Unit } from "../api/types";

export interface Duty { id: string; unit: string; name: string; agency: string; starts_at: string; ends_at: string; crew_size: number | null; shift: string }
export interface Gap { unit: string; name: string; agency: string; gap: "missing" | "overdue"; since: string; text: string }
export interface Roster { duties: Duty[]; gaps: Gap[] }
export interface Line { unit: Pick<Unit, "id" | "name" | "agency" | "kind" | "status" | "called" | "is_on_duty">; duties: Duty[]; gap: Gap | null }

export const HOUR_MS = 3_600_000, DAY_MS = 24 * HOUR_MS;
/** What is shown at once: the shift that is leaving and two days. */
export const BACK_MS = 12 * HOUR_MS, WINDOW_MS = BACK_MS + 2 * DAY_MS;

export const read = (from: number) => get<Roster>(`/api/roster${query({ since: new Date(from).toISOString(), until: new Date(from + WINDOW_MS).toISOString() })}`);
export const plan = (unit: string, body: { starts_at: string; ends_at: string; crew_size?: number; shift?: string }) => post<Duty>(`/api/units/${encodeURIComponent(unit)}/plan-duty`, body, { key: newKey() });
export const drop = (duty: Duty) => post(`/api/units/${encodeURIComponent(duty.unit)}/drop-duty`, { duty: duty.id }, { key: newKey() });

/** One line for each unit, who is not as planned first, then by agency and name. */
export function lines(units: readonly Unit[], roster: Roster, agency: string): Line[] {
  const found = units.filter((each) => !agency || each.agency === agency).map((unit): Line => ({
    unit, duties: roster.duties.filter((each) => each.unit === unit.id).sort((a, b) => a.starts_at.localeCompare(b.starts_at)), gap: roster.gaps.find((each) => each.unit === unit.id) ?? null,
  }));
  const order = (line: Line) => (line.gap ? 0 : line.duties.length || line.unit.is_on_duty ? 1 : 2);
  return found.sort((a, b) => order(a) - order(b) || a.unit.agency.localeCompare(b.unit.agency) || a.unit.name.localeCompare(b.unit.name, undefined, { numeric: true }));
}
