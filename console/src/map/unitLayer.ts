/** Units on the map: only what changed is told, and the one under the pointer is held in its place
 * until the pointer leaves it. */
import type { Feature } from "geojson";
import type { GeoJSONSource, LayerSpecification, Map as TownMap, MapMouseEvent } from "maplibre-gl";
import type { Unit } from "../api/types";
import { catalogue } from "../state/catalogue.svelte";
import { units } from "../state/units.svelte";
import { ageOf } from "../units/say";
import { FONT } from "./style";
import { HEADING, addHeading, addUnitSign, signName } from "./unitSigns";

const NOTHING = { type: "FeatureCollection" as const, features: [] };
/** Below this a heading is where a parked telephone happens to point. */
const MOVES_MPS = 1;

export class UnitLayer {
  #drawn = new Map<string, string>();
  #held: string | null = null;
  #chosen: string | null = null;
  constructor(private readonly map: TownMap, ondrag: (unit: string, event: MouseEvent) => void) {
    map.on("mousedown", "unit", (event) => {
      const unit = event.features?.[0]?.properties["unit"];
      if (unit === undefined) return;
      event.preventDefault(); // the map stays where it is
      ondrag(String(unit), event.originalEvent);
    });
  }
  /** The layers, anew with every style. */
  add(): void {
    const { map } = this;
    if (map.getSource("units")) return;
    this.#drawn = new Map();
    addHeading(map);
    const css = getComputedStyle(document.documentElement);
    const of = (name: string) => css.getPropertyValue(name).trim();
    map.addSource("units", { type: "geojson", promoteId: "unit", data: NOTHING });
    const layers = [
      { id: "unit-chosen", type: "circle", source: "units", filter: ["==", ["get", "unit"], this.#chosen ?? ""], layout: { visibility: this.#chosen === null ? "none" : "visible" }, paint: { "circle-radius": 20, "circle-color": "rgba(0,0,0,0)", "circle-stroke-width": 3, "circle-stroke-color": of("--act") } },
      { id: "unit-heading", type: "symbol", source: "units", filter: ["has", "heading"], layout: { "icon-image": HEADING, "icon-rotate": ["get", "heading"], "icon-rotation-alignment": "map", "icon-allow-overlap": true, "icon-ignore-placement": true } },
      { id: "unit", type: "symbol", source: "units", layout: { "icon-image": ["get", "sign"], "icon-allow-overlap": true, "text-field": ["get", "label"], "text-font": FONT, "text-size": 11, "text-anchor": "top", "text-offset": [0, 1.2], "text-optional": true }, paint: { "text-color": of("--text"), "text-halo-color": of("--panel"), "text-halo-width": 1.6 } },
    ] as unknown as LayerSpecification[];
    for (const each of layers) map.addLayer(each);
    this.tell();
  }
  choose(id: string | null): void {
    this.#chosen = id;
    if (!this.map.getLayer("unit-chosen")) return;
    this.map.setFilter("unit-chosen", ["==", ["get", "unit"], id ?? ""]);
    this.map.setLayoutProperty("unit-chosen", "visibility", id === null ? "none" : "visible");
  }
  /** The unit under the pointer, which stays where it is drawn; null for none. */
  hold(id: string | null): void {
    this.#held = id;
  }
  /** Which unit lies under a click. */
  at(point: MapMouseEvent["point"]): string | null {
    if (!this.map.getLayer("unit")) return null;
    const hit = this.map.queryRenderedFeatures(point, { layers: ["unit"] })[0];
    return hit ? String(hit.properties["unit"]) : null;
  }
  tell(): void {
    const source = this.map.getSource("units") as GeoJSONSource | undefined;
    if (!source) return;
    const gone = new Set(this.#drawn.keys()), add: Feature[] = [];
    for (const unit of units.all.values()) {
      if (!unit.is_on_duty || !unit.position) continue;
      gone.delete(unit.id);
      if (unit.id === this.#held) continue;
      const properties = this.#properties(unit), at = unit.position.place;
      const now = JSON.stringify([properties, at.lon, at.lat]);
      if (this.#drawn.get(unit.id) === now) continue;
      this.#drawn.set(unit.id, now);
      addUnitSign(this.map, unit.kind, catalogue.word("unit_kinds", unit.kind), unit.status, properties["stale"] === 1);
      add.push({ type: "Feature", properties, geometry: { type: "Point", coordinates: [at.lon, at.lat] } });
    }
    for (const each of gone) this.#drawn.delete(each);
    if (add.length || gone.size) void source.updateData({ add, remove: [...gone] });
  }
  #properties(unit: Unit): Record<string, string | number> {
    const { position } = unit, age = ageOf(unit);
    const isAged = position !== null && units.age(position) >= 60;
    const isMoving = position?.heading_deg != null && (position.speed_mps ?? MOVES_MPS) >= MOVES_MPS && !age.isStale;
    return {
      unit: unit.id, stale: age.isStale ? 1 : 0, sign: signName(unit.kind, unit.status, age.isStale),
      label: isAged ? `${unit.name}\n${age.text}` : unit.name, ...(isMoving ? { heading: position.heading_deg! } : {}),
    };
  }
}
