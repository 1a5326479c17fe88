/** The signs of units, for lists and for the map: the silhouette says what a unit does, the drawing
 * in it what it is. Colour comes third, so that nothing is told by colour alone. */
import type { UnitStatus } from "../api/types";

/** On a field of 28 by 24. */
export const WIDTH = 28, HEIGHT = 24;

export interface Shape { outline: string; colour: string; bars: string; group: "free" | "sent" | "way" | "scene" | "transport" | "out" }
const PILL = "M10 3h8a9 9 0 0 1 0 18h-8a9 9 0 0 1 0-18z";
const EIGHT = "M9 2h10l7 7v6l-7 7H9l-7-7V9z";
const HOUSE = "M14 1l12 9v12H2V10z";
const BLOCK = "M3 3h22v18H3z";

const SHAPES: Record<string, Shape> = {
  available: { outline: PILL, colour: "--good", bars: "", group: "free" },
  clear: { outline: PILL, colour: "--good", bars: "M8 0h12v2H8z", group: "free" },
  returning: { outline: PILL, colour: "--good", bars: "M8 22h12v2H8z", group: "free" },
  dispatched: { outline: EIGHT, colour: "--warning", bars: "", group: "sent" },
  en_route: { outline: HOUSE, colour: "--act", bars: "", group: "way" },
  on_scene: { outline: BLOCK, colour: "--scene", bars: "", group: "scene" },
  transporting: { outline: BLOCK, colour: "--scene", bars: "M0 22.5h28V24H0zM0 0h28v1.5H0z", group: "transport" },
  out_of_service: { outline: PILL, colour: "--p4", bars: "M3.5 22.5l19-21 2 1.5-19 21z", group: "out" },
  off_duty: { outline: PILL, colour: "--p4", bars: "M3.5 22.5l19-21 2 1.5-19 21z", group: "out" },
};
export const STATUSES = Object.keys(SHAPES) as UnitStatus[];
export function shapeOf(status: string): Shape {
  return SHAPES[status] ?? SHAPES["out_of_service"]!;
}

/** Drawings for the kinds of the packs we ship, each about the middle of the field. A kind that has
 * none shows the first letter of its name. */
const KINDS: Record<string, string> = {
  engine: "M14 6c3 3 4.5 4.5 4.5 7.5a4.5 4.5 0 0 1-9 0C9.5 11.5 11 11 11.5 9c1 1 1.5 1.5 1.5 2.5C14 10 14.5 8 14 6z",
  truck: "M9.5 6h1.700v2.5h5.600V6h1.700v12h-1.700v-2.5h-5.600V18H9.5zM11.200 10v1.700h5.600V10zm0 3.200v1h5.600v-1z",
  ambulance: "M12.300 6.5h3.400v3.800h3.800v3.400h-3.800v3.800h-3.400v-3.800H8.5v-3.400h3.800z",
  "patrol-car": "M14 6l1.700 4.100 4.300.4-3.300 2.900 1 4.300L14 15.400l-3.700 2.300 1-4.300L8 10.5l4.300-.4z",
  "foot-patrol": "M14 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4zm-2.5 4.700h5l.8 4h-1.5V18h-3.600v-3.300h-1.5z",
  "grid-worker": "M9 7h4.300v4.300H9zm5.700 0H19v4.300h-4.300zM9 12.700h4.300V17H9zm5.700 0H19V17h-4.300z",
  "repair-crew": "M17.800 6.5a4 4 0 0 0-4.900 5L8.5 15.900 10.600 18l4.400-4.400a4 4 0 0 0 5-4.900l-2.300 2.300-2.200-2.200z",
  drone: "M8.5 6.5a2.200 2.200 0 1 1 1.900 3.200l1.900 1.900h3.400l1.900-1.900a2.200 2.200 0 1 1 1.400 1.400L17 13l2 2a2.200 2.200 0 1 1-1.400 1.400l-2-2h-3.200l-2 2A2.200 2.200 0 1 1 9 15l2-2-2-2a2.200 2.200 0 0 1-.5-4.5z",
};
export function drawingOf(kind: string): string | null {
  return KINDS[kind] ?? null;
}
export function letterOf(name: string): string {
  return [...name][0]?.toUpperCase() ?? "?";
}
