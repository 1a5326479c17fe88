/** What the phone keeps between two loads of the page: presses that wait, and what the crew needs to
 * go on without a line. No words of a report and no position are ever among it. */
import type { Press } from "./outbox";

export interface Kept {
  account: string;
  name: string;
  unit: string;
  language: string;
  /** Signed out here while there was no line: the node is told once what waits has been sent. */
  isLeaving: boolean;
  clock: { now: number; at: number; rate: number } | null;
  /** The unit as it was last heard of, and where its case is; gone with the duty and a log-out. */
  shown: Shown | null;
  /** The names of statuses and kinds, for a page that is loaded without a line. */
  words: Record<string, Record<string, Record<string, string>>>;
}
export interface Shown {
  name: string; kind: string; agency: string; status: string; called: string; next: string[]; since: string; isOnDuty: boolean;
  cases: { case: string; isStacked: boolean }[]; buttons: { name: string; means: string }[]; place: Record<string, Place>;
  /** The other post it was told to wait at. */
  moveUp?: { name: string; lon: number; lat: number; since: string } | null;
}
export interface Place { title: Record<string, string>; priority: number; drill?: boolean; silent?: boolean; where: string; lon: number | null; lat: number | null; script: Record<string, string>[]; type: string }

const KEEP = "tocsin.crew", OUTBOX = "tocsin.crew.outbox";
const NOTHING: Kept = { account: "", name: "", unit: "", language: "", isLeaving: false, clock: null, shown: null, words: {} };
let works = true;

function read<T>(key: string, otherwise: T): T {
  try {
    const found = localStorage.getItem(key);
    return found === null ? otherwise : { ...otherwise, ...(JSON.parse(found) as T) };
  } catch {
    return otherwise; // damaged, or forbidden: the page begins as on its first day
  }
}
function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    works = false;
  }
}
/** Whether this browser keeps anything; where it does not, the page says so. */
export const canKeep = () => works;
export const kept: Kept = read(KEEP, NOTHING);
export function keep(): void {
  write(KEEP, kept);
}
export function readOutbox(): Press[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(OUTBOX) ?? "[]");
    return Array.isArray(found) ? (found as Press[]) : [];
  } catch {
    return [];
  }
}
export function writeOutbox(all: readonly Press[]): void {
  write(OUTBOX, all);
}
