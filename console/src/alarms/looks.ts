/** How a device looks on the map and beside its name: the same shapes in both places. */
import type { Asset } from "./types";

export type Look = "online" | "offline" | "unknown" | "out" | "test";
export const LOOKS: readonly Look[] = ["online", "offline", "unknown", "out", "test"];
export const COLOURS: Record<Look, string> = { online: "--good", offline: "--late", unknown: "--soft", out: "--soft", test: "--act" };
const CIRCLE = "M10 3a7 7 0 1 0 .01 0z", SQUARE = "M2 2h16v16H2z";
/** `full` is filled, `line` is drawn, on a field of 20 by 20. */
export const reachPaths: Record<Look, { full: string; line: string }> = {
  online: { full: CIRCLE, line: "" },
  offline: { full: "", line: `${SQUARE}M5 5l10 10M15 5L5 15` },
  unknown: { full: "M10 8a2 2 0 1 0 .01 0z", line: CIRCLE },
  out: { full: "", line: `${CIRCLE}M4 16L16 4` },
  test: { full: "", line: "M10 2 18 17H2zM10 8v5" },
};

export function lookOf(asset: Pick<Asset, "status" | "reach" | "supervision">): Look {
  if (asset.status === "out_of_service" || asset.status === "retired") return "out";
  if (asset.status === "on_test") return "test";
  return asset.reach === "online" ? "online" : asset.reach === "offline" ? "offline" : "unknown";
}
export const LOOK_WORDS = { online: "online", offline: "offline", unknown: "unknown", out: "out_of_service", test: "on_test" } as const;
