/** What the page of a case shows of it, as the API gives it. */
import type { CaseView } from "./act";

export interface Task { id: string; agency: string; role: string; status: string; started_at: string | null; claimed_at: string | null; claimed_by: string | null; assigned_to: string | null; evidence: string[] }
export interface Report { id: string; at: string; source: string; language: string; media: string[]; solved: boolean | null; treated_well: boolean | null; consent: boolean }
export interface Clock { key: string; name: string; started_at: string; due_at: string; missed: boolean; paused_at: string | null; agency: string | null }
export interface Areas { county: string; town: string; village: string; cell: string }
export type Full = CaseView & {
  tasks: Task[]; reports: Report[]; clocks: Clock[]; areas: Areas | null; place: { lon: number; lat: number } | null;
  opened_at: string; promised_at: string | null; pack_version: string; lead: string | null; ownership: { tier: string; area: string } | null;
  links: { absorbed: string[]; merged_into: string | null; parent: string | null; children: string[]; open_children: string[] };
};
export interface Entry { seq: number; at: string; by: { name: string; kind: string }; kind: string; event: string; words: string; refs: string[]; stage: string | null; clock: { kept: boolean } | null; delivered: "shown" | "inbox" | null }
export interface Colleague { id: string; name: string; agency: string | null; may_take: boolean }

/** One photo that was opened: its picture, and in words what it shows of which step. */
export interface Shot { ref: string; src: string; caption: string; alt: string }
/** The photos of one step of the story; `shots` is empty while they are sealed. */
export interface Step { seq: number; stage: "before" | "after"; caption: string; shots: Shot[] }
