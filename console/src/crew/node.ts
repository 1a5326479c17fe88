/** How the crew's page speaks to the node, and what time the node has. */
import { keep, kept } from "./store";

export class Refused extends Error {
  constructor(readonly status: number, readonly reason: string, message: string) {
    super(message);
  }
}
export class NoLine extends Error {}

const TIMEOUT_MS = 12_000;
let csrf = "", language = "en";
export const speakIn = (wanted: string) => (language = wanted);
export const useCsrf = (token: string | null) => (csrf = token ?? "");

export async function ask<T>(method: "GET" | "POST", path: string, body?: unknown, key?: string): Promise<T> {
  const headers: Record<string, string> = { "Accept-Language": language };
  if (method === "POST") Object.assign(headers, { "Content-Type": "application/json", "X-CSRF-Token": csrf });
  if (key) headers["Idempotency-Key"] = key;
  let answer: Response, text: string;
  try {
    answer = await fetch(path, { method, headers, credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS), ...(method === "POST" ? { body: JSON.stringify(body ?? {}) } : {}) });
    text = await answer.text();
  } catch (error) {
    throw new NoLine(String(error));
  }
  // A node that is down or busy behind a proxy has not refused anything.
  if (answer.status >= 500 || answer.status === 429) throw new NoLine(`HTTP ${answer.status}`);
  if (answer.ok) return (text ? JSON.parse(text) : null) as T;
  let problem: { reason?: string; title?: string; detail?: string; errors?: { what: string }[] } = {};
  try {
    problem = JSON.parse(text);
  } catch { /* a proxy in between: its number is all there is */ }
  throw new Refused(answer.status, problem.reason ?? "", [problem.detail ?? problem.title ?? `HTTP ${answer.status}`, ...(problem.errors ?? []).map((each) => each.what)].join(" "));
}

/** The node's time goes on while there is no line, and across loads of the page. */
export function setClock(now: string, rate: number): void {
  kept.clock = { now: Date.parse(now), at: Date.now(), rate: rate > 0 ? rate : 1 };
  keep();
}
export function nodeNow(): number {
  const known = kept.clock;
  return known === null ? Date.now() : known.now + (Date.now() - known.at) * known.rate;
}
export function newKey(): string {
  return crypto.randomUUID?.() ?? `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
