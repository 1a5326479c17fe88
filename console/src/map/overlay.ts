/** What lies over the town on request: zones by how surely they are covered, reach, closed roads.
 * Coverage is told by a pattern and a number; colour comes third. */
import type { Feature, FeatureCollection } from "geojson";
import type { GeoJSONSource, LayerSpecification, Map as TownMap } from "maplibre-gl";
import type { Coverage, RoadChange } from "../dispatch/layers.svelte";
import { outlines } from "./outlines";
import { FONT } from "./style";

const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };
/** Shares from which a zone counts as covered, fairly, badly; below the last, hardly. */
export const STEPS = [0.9, 0.7, 0.5] as const;
export function stepOf(covered: number): 0 | 1 | 2 | 3 {
  const found = STEPS.findIndex((each) => covered >= each);
  return (found < 0 ? 3 : found) as 0 | 1 | 2 | 3;
}
/** A loss that is drawn: less is within what the numbers can tell. */
const LOSS = 0.01;
const percent = (share: number) => Math.round(share * 100);

/** Lines that lie closer the less is covered; crossed where hardly anything is. */
export function drawPattern(pen: CanvasRenderingContext2D, size: number, step: number, colour: string): void {
  const gap = [0, size / 2, size / 4, size / 4][step]!;
  pen.strokeStyle = colour;
  pen.lineWidth = step === 1 ? 1.5 : 2;
  if (!gap) return;
  for (let at = -size; at < 2 * size; at += gap) {
    pen.beginPath(); pen.moveTo(at, 0); pen.lineTo(at + size, size);
    if (step === 3) { pen.moveTo(at + size, 0); pen.lineTo(at, size); }
    pen.stroke();
  }
}

const idOf = (shape: Feature) => String(shape.id ?? shape.properties?.["id"] ?? shape.properties?.["area"] ?? "");

export class Overlay {
  #run = 0;
  #of = new Map<string, string[]>();
  constructor(private readonly map: TownMap) {}
  /** The layers, anew with every style; below the cases and units. */
  add(): void {
    const { map } = this;
    if (map.getSource("zones")) return;
    const css = getComputedStyle(document.documentElement), of = (name: string) => css.getPropertyValue(name).trim();
    for (const step of [1, 2, 3]) {
      const canvas = document.createElement("canvas"), pen = (canvas.width = canvas.height = 24, canvas.getContext("2d"));
      if (pen === null) return;
      drawPattern(pen, 24, step, of(step === 1 ? "--soft" : "--warning"));
      if (!map.hasImage(`zone ${step}`)) map.addImage(`zone ${step}`, pen.getImageData(0, 0, 24, 24), { pixelRatio: 2 });
    }
    for (const id of ["zones", "zone-points", "rings", "closed", "closing"]) map.addSource(id, { type: "geojson", data: NOTHING });
    const layers = [
      { id: "zone-fill", type: "fill", source: "zones", filter: [">", ["get", "step"], 0], paint: { "fill-pattern": ["concat", "zone ", ["to-string", ["get", "step"]]], "fill-opacity": 0.35 } },
      { id: "zone-edge", type: "line", source: "zones", paint: { "line-color": ["case", ["get", "loses"], of("--late"), of("--soft")], "line-width": ["case", ["get", "loses"], 4, 1], "line-opacity": ["case", ["get", "loses"], 1, 0.4] } },
      { id: "ring-edge", type: "line", source: "rings", paint: { "line-color": of("--act"), "line-width": 2, "line-dasharray": [3, 2] } },
      { id: "ring-fill", type: "fill", source: "rings", paint: { "fill-color": of("--act"), "fill-opacity": 0.08 } },
      { id: "ring-name", type: "symbol", source: "rings", layout: { "symbol-placement": "line", "text-field": ["get", "label"], "text-font": FONT, "text-size": 12 }, paint: { "text-color": of("--text"), "text-halo-color": of("--panel"), "text-halo-width": 2 } },
      { id: "closed", type: "line", source: "closed", paint: { "line-color": of("--late"), "line-width": 6, "line-dasharray": [0.6, 0.6] } },
      { id: "closing", type: "circle", source: "closing", paint: { "circle-radius": 7, "circle-color": of("--panel"), "circle-stroke-color": of("--late"), "circle-stroke-width": 4 } },
      { id: "zone-number", type: "symbol", source: "zone-points", layout: { "text-field": ["get", "label"], "text-font": FONT, "text-size": 12, "text-padding": 4 }, paint: { "text-color": of("--text"), "text-halo-color": of("--panel"), "text-halo-width": 2.4 } },
    ] as unknown as LayerSpecification[];
    const below = map.getLayer("cluster") ? "cluster" : undefined;
    this.#of.clear();
    for (const each of layers) {
      map.addLayer({ ...each, layout: { ...each.layout, visibility: "none" } } as LayerSpecification, below);
      if ("source" in each) this.#of.set(String(each.source), [...(this.#of.get(String(each.source)) ?? []), each.id]);
    }
  }
  /** What has nothing to show is hidden: its tiles would be looked after in every frame. */
  #set(id: string, features: Feature[]): void {
    (this.map.getSource(id) as GeoJSONSource | undefined)?.setData({ type: "FeatureCollection", features });
    for (const each of this.#of.get(id) ?? []) this.map.setLayoutProperty(each, "visibility", features.length ? "visible" : "none");
  }
  async coverage(found: Coverage | null, isWithout: boolean): Promise<void> {
    if (found === null) {
      this.#run++;
      this.#set("zones", []);
      return this.#set("zone-points", []);
    }
    const zones = new Map(found.zones.map((each) => [each.id, each]));
    const covered = (each: Coverage["zones"][number]) => (isWithout ? each.covered_without : each.covered);
    this.#set("zone-points", found.zones.map((each) => ({
      type: "Feature", geometry: { type: "Point", coordinates: [each.lon, each.lat] },
      properties: { label: isWithout && each.covered - each.covered_without >= LOSS ? `${percent(each.covered)} → ${percent(each.covered_without)} %` : `${percent(covered(each))} %` },
    })));
    const run = ++this.#run, shapes: Feature[] = [];
    // Zones are the smallest areas; a town that is weighed by larger ones has those.
    for (const tier of ["cell", "village", "town"] as const) {
      if (shapes.length) break;
      shapes.push(...(await outlines(tier)).features.filter((each) => zones.has(idOf(each))));
    }
    if (run !== this.#run) return; // somebody points at the next candidate by now
    this.#set("zones", shapes.flatMap((shape) => {
      const zone = zones.get(idOf(shape));
      return zone ? [{ ...shape, properties: { step: stepOf(covered(zone)), loses: isWithout && zone.covered - zone.covered_without >= LOSS } }] : [];
    }));
  }
  rings(found: FeatureCollection | null, label: (feature: Feature) => string): void {
    this.#set("rings", (found?.features ?? []).map((each) => ({ ...each, properties: { ...each.properties, label: label(each) } })));
  }
  closed(changes: readonly RoadChange[]): void {
    this.#set("closed", changes.filter((each) => each.is_in_force).map((each) => ({ type: "Feature", properties: {}, geometry: each.geometry as GeoJSON.MultiLineString })));
  }
  closing(points: readonly { lon: number; lat: number }[]): void {
    this.#set("closing", points.map((each) => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [each.lon, each.lat] } })));
  }
}
