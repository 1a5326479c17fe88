/** One way to give a command on a case, and to show its refusal. */
import { get, post } from "../api/client";
import type { Status } from "../api/types";
import { board } from "../state/board.svelte";

export interface CaseView {
  id: string;
  version: number;
  status: Status;
  case_type: string;
  profile: "emergency" | "routine" | "mediation";
  priority: 1 | 2 | 3 | 4;
  updated_at: string;
  [name: string]: unknown;
}

export interface Action {
  verb: string;
  task: string | null;
  agency: string | null;
  label: string;
  may: boolean;
  why: string | null;
  reasons: { code: string; label: string }[];
  needs: string[];
}

export interface Actions {
  next: { verb: string; task: string | null } | null;
  actions: Action[];
}

/** What the state of a case surely is after a command, for the screen to show at once. */
const AFTER: Record<string, Status> = { accept: "accepted", file: "filed", dispatch: "dispatched" };

export function actionsOf(caseId: string, signal?: AbortSignal): Promise<Actions> {
  return get<Actions>(`/api/cases/${encodeURIComponent(caseId)}/actions`, signal);
}

export function pathOf(caseId: string, verb: string): string {
  return `/api/cases/${encodeURIComponent(caseId)}/${verb.replaceAll("_", "-")}`;
}

/** Sends a command with the version that was seen. The board shows what surely follows at once,
 * and takes it back when the node refuses. Throws the refusal. */
export async function act(
  caseId: string,
  verb: string,
  body: Record<string, unknown>,
  version: number | undefined,
  key: string,
): Promise<CaseView> {
  const before = board.cases.get(caseId);
  const after = AFTER[verb];
  if (before && after) board.put({ ...before, status: after });
  try {
    return await post<CaseView>(pathOf(caseId, verb), body, { key, ...(version === undefined ? {} : { version }) });
  } catch (error) {
    if (before && after && board.cases.get(caseId)?.version === before.version) board.put(before);
    throw error;
  }
}
