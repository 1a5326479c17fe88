/** The rooms of the console: how they are called, reached and by whom. What is done in them the node
 * allows or refuses by itself; a room that nobody of a role could use is not offered to it. */
import { session } from "../state/session.svelte";

const CASES = ["call_taker", "dispatcher", "grid_worker", "agency_handler", "verifier", "supervisor", "evaluator", "arbiter"];
const NUMBERS = ["dispatcher", "supervisor", "evaluator"];

/** `at` its key; `only` the roles that have it; `isOwn`: below the others, with what is one's own. */
export const ROOMS = [
  { path: "/board", word: "board", sign: "▤", at: "g b", only: CASES },
  { path: "/new", word: "new", sign: "＋", at: "n", only: ["call_taker", "dispatcher", "grid_worker"] },
  { path: "/roster", word: "roster", sign: "▥", at: "g r", only: [...CASES, "administrator"] },
  { path: "/sight", word: "sight", sign: "◫", at: "g s", only: [...CASES, "audit_administrator"] },
  { path: "/redactions", word: "redactions", sign: "▨", at: "g x", only: ["dispatcher", "supervisor"] },
  { path: "/holds", word: "holds", sign: "▣", at: "g h", only: ["supervisor", "audit_administrator"] },
  { path: "/tests", word: "tests", sign: "◎", at: "g t", only: [...CASES, "administrator"] },
  { path: "/scorecard", word: "scorecard", sign: "▧", at: "g q", only: NUMBERS },
  { path: "/wall", word: "wall", sign: "▦", at: "g w", only: NUMBERS },
  { path: "/account", word: "account", sign: "◍", at: "g a", only: null, isOwn: true },
  { path: "/accounts", word: "accounts", sign: "☷", at: "g u", only: ["administrator", "security_administrator", "audit_administrator"], isOwn: true },
] as const;

export const hasRoom = (path: string): boolean => {
  const only = ROOMS.find((each) => each.path === path)?.only ?? null;
  return only === null || session.has(...only);
};
/** Where somebody begins. */
export const home = (): string => ["/board", "/sight", "/accounts", "/account"].find(hasRoom)!;
