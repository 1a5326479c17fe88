/** The shapes the console works with most. Everything else comes from schema.d.ts. */
export type Names = Record<string, string>;
export type Status =
  | "received" | "accepted" | "filed" | "dispatched" | "in_work" | "claimed_done"
  | "verified" | "refused" | "void" | "merged";

export interface Expected {
  action: string;
  who: string;
  agency: string | null;
}

/** What the board shows of a case; the same in the list and in the live stream. */
export interface BoardItem {
  case: string;
  version: number;
  status: Status;
  type: string;
  profile: "emergency" | "routine" | "mediation";
  priority: 1 | 2 | 3 | 4;
  areas: [string, string, string, string];
  opened_at: string;
  updated_at: string;
  closed_at?: string | null;
  lead?: string | null;
  agencies?: string[];
  owner?: string | null;
  owner_tier?: string | null;
  due_at?: string | null;
  due_clock?: string | null;
  clock_started_at?: string | null;
  late?: boolean;
  missed?: { clock: string; due_at: string }[];
  paused?: boolean;
  promised_at?: string | null;
  reports?: number;
  absorbed?: number;
  on_hold?: boolean;
  question_open?: boolean;
  published?: boolean;
  /** Whoever pressed may be watched: no sound, no call-back, not a word in public. */
  silent?: boolean;
  /** An exercise, not real. */
  drill?: boolean;
  /** An alarm of it was taken back at the site. */
  cancelled?: boolean;
  lon?: number | null;
  lat?: number | null;
  expects?: Expected;
  /** The units that are on it. */
  units?: { unit: string; name: string; status: string }[];
}

export type UnitStatus =
  | "off_duty" | "available" | "dispatched" | "en_route" | "on_scene" | "transporting" | "clear" | "returning" | "out_of_service";

/** Where a duty unit was last. Its age is counted from `at` by the node's clock. */
export interface Position {
  place: { lon: number; lat: number };
  at: string;
  age_s: number;
  is_stale: boolean;
  accuracy_m: number | null;
  heading_deg: number | null;
  speed_mps: number | null;
}

/** One unit, as the list and the live stream show it; the stream leaves out the part of its kind. */
export interface Unit {
  id: string;
  version: number;
  name: string;
  agency: string;
  kind: string;
  post: { lon: number; lat: number } | null;
  capabilities: string[];
  crew_size: number;
  shift: string;
  status: UnitStatus;
  /** The agency's own name of the status, "" where it has none. */
  called: string;
  next: UnitStatus[];
  since: string;
  is_on_duty: boolean;
  is_free: boolean;
  is_alerted: boolean;
  cases: { case: string; since: string; is_stacked: boolean }[];
  /** The other post it drives to (returning) or waits at (available). */
  move_up: { place: { lon: number; lat: number }; name: string; since: string } | null;
  position: Position | null;
}

export interface LiveUnit extends Omit<Unit, "position" | "capabilities"> {
  seq: number;
  events: string[];
  at: string;
}

export interface LiveItem extends BoardItem {
  seq: number;
  events: string[];
  at: string;
}

export interface Person {
  id: string;
  name: string;
  doing: "reading" | "writing";
}

export interface Grant {
  role: string;
  area: string;
  agency: string | null;
}

export interface Me {
  account: string;
  kind: string;
  session: string | null;
  csrf: string | null;
  language: string;
  grants: Grant[];
  /** The account has rights that this session does not carry yet. */
  renewal_due: boolean;
}

export interface Area {
  id: string;
  tier: "county" | "town" | "village" | "cell";
  name: Names;
  parent: string | null;
}

export interface Agency {
  id: string;
  code: string;
  name: Names;
  tier: string;
  area: string;
  unit_statuses?: { name: string; means: UnitStatus }[];
}

export interface CaseType {
  code: string;
  title: Names;
  description: Names;
  group: string;
  profile: "emergency" | "routine" | "mediation";
  priority: 1 | 2 | 3 | 4;
  owner_tier: string;
  is_public: boolean;
}
