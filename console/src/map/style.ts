/** The town drawn quietly: muted land, thin roads, soft labels. Cases are the only saturated things. */
import type { LayerSpecification, StyleSpecification } from "maplibre-gl";
import { pageFonts } from "./fonts";

interface Ground {
  /** Beyond the map's edge: neither land nor water, for nobody has drawn it yet. */
  beyond: string;
  land: string; water: string; green: string; built: string; road: string; edge: string; building: string; text: string; halo: string;
}
const LIGHT: Ground = { beyond: "#e2e5e8", land: "#f0f1f2", water: "#cfdde6", green: "#dfe8dc", built: "#e9ebed", road: "#ffffff", edge: "#d3d8dc", building: "#dcdfe2", text: "#57606a", halo: "#f4f5f6" };
const DARK: Ground = { beyond: "#0f1214", land: "#181c20", water: "#16232d", green: "#1a231d", built: "#1c2024", road: "#2b3238", edge: "#20262b", building: "#262c32", text: "#9aa4ae", halo: "#14171a" };

export const FONT = ["Noto Sans"];

/** A style over the town's own tiles, or over nothing but ground where there is no map yet. */
export function styleOf(isDark: boolean, language: string, hasTiles: boolean): StyleSpecification {
  const c = isDark ? DARK : LIGHT;
  const base: StyleSpecification = {
    version: 8,
    "font-faces": pageFonts(),
    sources: {},
    layers: [{ id: "ground", type: "background", paint: { "background-color": hasTiles ? c.beyond : c.land } }],
  };
  if (!hasTiles) return base;
  base.sources["town"] = { type: "vector", url: `pmtiles://${location.origin}/map/tiles.pmtiles`, attribution: "© OpenStreetMap contributors" };
  const own = language.startsWith("zh") ? ["get", "name:zh"] : ["get", "name:en"];
  const name = ["coalesce", own, ["get", "name"]];
  const width = (at12: number, at18: number) => ["interpolate", ["exponential", 1.6], ["zoom"], 12, at12, 18, at18];
  const isMajor = ["in", ["get", "class"], ["literal", ["motorway", "trunk", "primary", "secondary"]]];
  const layers = [
    { id: "land", type: "fill", "source-layer": "land", paint: { "fill-color": c.land } },
    { id: "landuse", type: "fill", "source-layer": "landuse", paint: { "fill-color": ["match", ["get", "class"], ["wood", "grass", "park", "garden", "cemetery", "pitch"], c.green, c.built] } },
    { id: "water", type: "fill", "source-layer": "water", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": c.water } },
    { id: "river", type: "line", "source-layer": "water", filter: ["==", ["geometry-type"], "LineString"], paint: { "line-color": c.water, "line-width": width(1, 8) } },
    { id: "road-edge", type: "line", "source-layer": "road", filter: ["==", ["geometry-type"], "LineString"], layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": c.edge, "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 12, ["case", isMajor, 3, 1], 18, ["case", isMajor, 20, 11]] } },
    { id: "road", type: "line", "source-layer": "road", filter: ["==", ["geometry-type"], "LineString"], layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": c.road, "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 12, ["case", isMajor, 2, 0.6], 18, ["case", isMajor, 17, 9]] } },
    // Flat while one looks straight down: walls that nobody sees cost a weak machine its frames.
    { id: "building", type: "fill", "source-layer": "building", minzoom: 14, paint: { "fill-color": c.building, "fill-outline-color": c.edge } },
    { id: "building-3d", type: "fill-extrusion", "source-layer": "building", minzoom: 14, layout: { visibility: "none" }, paint: { "fill-extrusion-color": c.building, "fill-extrusion-height": ["coalesce", ["get", "height"], 6], "fill-extrusion-base": ["coalesce", ["get", "min_height"], 0] } },
    { id: "road-name", type: "symbol", "source-layer": "road", minzoom: 14, filter: ["has", "name"], layout: { "symbol-placement": "line", "text-field": name, "text-font": FONT, "text-size": 11 }, paint: { "text-color": c.text, "text-halo-color": c.halo, "text-halo-width": 1.2 } },
    { id: "place-name", type: "symbol", "source-layer": "name", layout: { "text-field": name, "text-font": FONT, "text-size": ["interpolate", ["linear"], ["coalesce", ["get", "rank"], 10], 1, 16, 11, 11], "text-max-width": 8 }, paint: { "text-color": c.text, "text-halo-color": c.halo, "text-halo-width": 1.4 } },
    { id: "house-number", type: "symbol", "source-layer": "address", minzoom: 16, layout: { "text-field": ["get", "number"], "text-font": FONT, "text-size": 10 }, paint: { "text-color": c.text, "text-halo-color": c.halo, "text-halo-width": 1 } },
  ] as unknown as LayerSpecification[];
  base.layers.push(...layers.map((each) => ({ ...each, source: "town" }) as LayerSpecification));
  return base;
}
