/** One way to speak to the node: writes carry CSRF, an idempotency key and the version that was seen. */
import { settings } from "../state/settings.svelte";

export interface ProblemDocument {
  reason: string;
  title: string;
  detail?: string;
  hint?: string;
  errors?: { where: string; what: string }[];
}

/** An expected no, in the reader's language. `reason` is stable; `message` is for people. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly problem: ProblemDocument,
  ) {
    super([problem.detail ?? problem.title, ...(problem.errors ?? []).map((each) => each.what)].join(" "));
  }
  get reason(): string {
    return this.problem.reason;
  }
}

/** The line to the node is down; nothing is known about what became of the request. */
export class Offline extends Error {}

export interface Answer<T> {
  data: T;
  etag: string | null;
  status: number;
}

interface Options {
  body?: unknown;
  version?: number;
  key?: string;
  signal?: AbortSignal;
}

let csrf: string | null = null;
let onSignedOut: () => void = () => {};

/** Called with every new session. */
export function useCsrf(token: string | null): void {
  csrf = token;
}

/** What to do when the node no longer knows the session. What was typed stays where it is. */
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

/** A key under which a write is carried out once, however often it is sent. */
export function newKey(): string {
  return crypto.randomUUID?.() ?? `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

/** The headers of a write; `send` uses them, and so do uploads that show their progress. */
export function writeHeaders(options: Options = {}): Record<string, string> {
  const headers: Record<string, string> = { "Accept-Language": settings.language };
  if (csrf !== null) headers["X-CSRF-Token"] = csrf;
  if (options.key) headers["Idempotency-Key"] = options.key;
  if (options.version !== undefined) headers["If-Match"] = `"${options.version}"`;
  return headers;
}

async function send<T>(method: string, path: string, options: Options): Promise<Answer<T>> {
  const headers = method === "GET" ? { "Accept-Language": settings.language } : writeHeaders(options);
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body);
    (headers as Record<string, string>)["Content-Type"] = "application/json";
  }
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Offline(String(error));
  }
  return read<T>(answer.status, answer.headers.get("etag"), await answer.text(), path);
}

/** Where a 401 says that somebody is not in yet, not that a session ended. */
const SIGNING_IN = ["/api/login", "/api/session", "/api/passkeys/login", "/api/account/password"];

/** Turns an answer into data, or throws the refusal in it. */
export function read<T>(status: number, etag: string | null, text: string, path: string): Answer<T> {
  if (status >= 200 && status < 300) {
    return { data: (text ? JSON.parse(text) : null) as T, etag, status };
  }
  let problem: ProblemDocument;
  try {
    problem = JSON.parse(text) as ProblemDocument;
  } catch {
    // A proxy in between answered: say its number rather than nothing.
    problem = { reason: "internal", title: `HTTP ${status}` };
  }
  if (status === 401 && !SIGNING_IN.includes(path)) onSignedOut();
  throw new Refusal(status, problem);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send<T>("GET", path, signal ? { signal } : {})).data;
}

export async function post<T>(path: string, body: unknown = {}, options: Omit<Options, "body"> = {}): Promise<T> {
  return (await send<T>("POST", path, { ...options, body })).data;
}

export async function patch<T>(path: string, body: unknown): Promise<T> {
  return (await send<T>("PATCH", path, { body })).data;
}

export async function remove<T>(path: string): Promise<T> {
  return (await send<T>("DELETE", path, {})).data;
}

/** `?a=1&b=2`, leaving out what is empty; arrays repeat their name. */
export function query(members: Record<string, string | number | boolean | readonly string[] | null | undefined>): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) {
    if (value === null || value === undefined || value === "") continue;
    if (Array.isArray(value)) for (const each of value) found.append(name, each);
    else found.set(name, String(value));
  }
  const text = found.toString();
  return text ? `?${text}` : "";
}
