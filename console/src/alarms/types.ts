/** Alarms and devices as the API and the stream show them. */
export type Standing = "normal" | "shelved" | "suppressed" | "out_of_service" | "on_test" | "planned_work" | "drill";
export type Reach = "unknown" | "online" | "offline";
export type AssetStatus = "absent" | "found" | "in_service" | "on_test" | "out_of_service" | "retired";
export type Answer = "answered" | "waiting" | "no_answer" | "not_tested" | "out_of_service";

export interface Alarm {
  id: string;
  version: number;
  asset: string;
  asset_name: string;
  /** What the device hangs on, "" where it stands by itself. */
  site_name?: string;
  kind: string;
  kind_name?: string;
  priority: 1 | 2 | 3 | 4;
  is_life_safety: boolean;
  is_silent: boolean;
  condition: "pending" | "active" | "cleared" | "closed";
  standing: Standing;
  standing_until: string | null;
  standing_reason: string;
  is_announced: boolean;
  is_acknowledged: boolean;
  is_latched: boolean;
  is_chattering: boolean;
  is_drill: boolean;
  in_drill: boolean;
  opened_at: string;
  raised_at: string | null;
  since: string;
  closed_at: string | null;
  cancelled_at: string | null;
  wrong_codes: number;
  occurrences: number;
  level: number;
  case: string | null;
  case_missing: string;
  cause: string | null;
  areas: string[];
  members?: number;
}
export interface LiveAlarm extends Alarm {
  seq: number;
  events: string[];
  at: string;
}
export interface Asset {
  id: string;
  version: number;
  status: AssetStatus;
  since: string | null;
  name: string;
  kind: string;
  kind_name?: string;
  areas: string[];
  place: { lon: number; lat: number } | null;
  owner: string;
  keeper: string;
  model: string;
  power: string | null;
  gateway: string | null;
  wires: { source: string; address: string }[];
  supervision: string;
  inspection_at: string | null;
  certificate_until: string | null;
  documents: string[];
  work_order: string;
  test_until: string | null;
  last_tested_at: string | null;
  test_asked_at: string | null;
  drill: { id: string; scope: string; until: string; reason: string; by: string } | null;
  is_silent: boolean;
  windows: { starts_at: string; ends_at: string; reason: string; by: string }[];
  shelves: { kind: string; until: string; reason: string; by: string }[];
  silent_after_s?: number | null;
  reach?: Reach;
  heard_at?: string | null;
  messages?: number;
  lost?: number;
  readings?: Record<string, number>;
}
/** How a device has been over a month, and what is ordered for it. */
export interface Upkeep {
  rate: number | null;
  battery: { state: "not_enough_readings" | "lasts" | "falls" | "low"; readings: number; percent: number | null; per_day: number | null; empty_on: string | null } | null;
  days: Record<string, number>;
  work_orders: string[];
}
export interface LiveAsset extends Asset {
  seq: number;
  events: string[];
  at: string;
}
export interface Drill {
  id: string;
  scope: string;
  scope_name: string;
  is_area: boolean;
  reason: string;
  until: string;
  by: string;
  assets: number;
}
