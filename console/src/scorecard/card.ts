/** The scorecard as the API tells it, and how its numbers are said. */
import { settings } from "../state/settings.svelte";
import { span } from "../words";

export type By = "all" | "seat" | "agency" | "site" | "model";
export const BYS: readonly By[] = ["all", "seat", "agency", "site", "model"];
export const SPANS = [1, 7, 30, 90] as const;
export interface Reading {
  code: string; title: string; formula: string; unit: "per_day" | "share" | "count" | "seconds"; value: number | null;
  at_most: number | null; at_least: number | null; act_above: number | null; is_strict: boolean; is_met: boolean | null; alarms: number; among: number;
}
export interface Group { name: string; site_name: string; readings: Reading[] }
export interface Card { since: string; until: string; by: By; operators: number; groups: Group[] }
export interface Night { night: string; made_at: string; readings: Record<string, number | null> }
export interface Order { alarm: string; kind: string; case: string | null; opened_at: string; is_open: boolean }
export interface Source { asset: string; asset_name: string; site_name: string; announcements: number; share: number; orders: Order[] }
export type Part = "alarms" | "among" | "rest";

/** What a number comes to. `act`: above what can be managed at all. */
export type Result = "act" | "missed" | "met" | "open" | "nothing";
export function resultOf(each: Reading): Result {
  if (each.value === null) return "nothing";
  if (each.act_above !== null && each.value > each.act_above) return "act";
  return each.is_met === null ? "open" : each.is_met ? "met" : "missed";
}
const RANK: Record<Result, number> = { act: 0, missed: 1, met: 2, open: 3, nothing: 4 };
/** What is worst stands first; between equals the one that is farther from its target, then by name. */
export function worse(a: { name: string; reading: Reading }, b: { name: string; reading: Reading }): number {
  const sign = a.reading.at_least === null ? -1 : 1;
  return RANK[resultOf(a.reading)] - RANK[resultOf(b.reading)] || sign * ((a.reading.value ?? 0) - (b.reading.value ?? 0)) || (a.name < b.name ? -1 : 1);
}
export function said(value: number | null, unit: Reading["unit"]): string {
  if (value === null) return "–";
  if (unit === "seconds") return span(value * 1_000);
  const format = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat(settings.language, options).format(value);
  if (unit === "share") return format({ style: "percent", maximumFractionDigits: 1 });
  return format({ maximumFractionDigits: unit === "count" ? 0 : 1 });
}
