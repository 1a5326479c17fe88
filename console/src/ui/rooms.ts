/** Rooms that not everybody has: who finds them in the menu and by their key. What is done there the
 * node allows or refuses by itself. */
import { session } from "../state/session.svelte";

const ONLY: Record<string, readonly string[]> = {
  "/redactions": ["dispatcher", "supervisor"],
  "/holds": ["supervisor", "audit_administrator"],
  "/scorecard": ["dispatcher", "supervisor", "evaluator"],
};
export const hasRoom = (path: string): boolean => !(path in ONLY) || session.has(...ONLY[path]!);
