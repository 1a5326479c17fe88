/** The map library, in a piece of its own: it is as large as all the rest and comes last. */
import { AttributionControl, Map as TownMap, NavigationControl, addProtocol, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { Protocol } from "pmtiles";

setWorkerUrl(workerUrl);
addProtocol("pmtiles", new Protocol().tile);

/** What the library says itself; its own words are English. */
const LOCALES: Record<string, Record<string, string>> = {
  "zh-CN": {
    "AttributionControl.ToggleAttribution": "显示或隐藏地图来源", "Map.Title": "地图", "NavigationControl.ResetBearing": "拖动可旋转地图，点击恢复正北",
    "NavigationControl.ZoomIn": "放大", "NavigationControl.ZoomOut": "缩小",
  },
};

/** Labels come and go in this time; only so often are they placed anew while the map moves. */
const FADE_MS = 120;

/** A map in `box`, showing `bounds` ([west, south, east, north]). */
export function make(box: HTMLElement, style: StyleSpecification, bounds: [number, number, number, number] | null, language: string): TownMap {
  const map = new TownMap({
    container: box,
    style,
    attributionControl: false,
    maxPitch: 70,
    // Not 0: then every frame places every label anew, which is half of the work while one drags.
    fadeDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : FADE_MS,
    locale: LOCALES[language] ?? {},
    localIdeographFontFamily: false, // Chinese too comes from the fonts that we ship
    ...(bounds ? { bounds: [[bounds[0], bounds[1]], [bounds[2], bounds[3]]], fitBoundsOptions: { padding: 24 } } : {}),
  });
  const raise = (): void => {
    if (map.getLayer("building-3d")) map.setLayoutProperty("building-3d", "visibility", map.getPitch() > 3 ? "visible" : "none");
  };
  // A tile that the line did not bring comes with the next look; that the line is down is told by the
  // page. What is left is a fault of ours.
  map.on("error", ({ error }) => {
    if (!(error instanceof TypeError) && navigator.onLine) console.error(error);
  });
  map.on("pitch", raise);
  map.on("styledata", raise);
  map.addControl(new NavigationControl({ visualizePitch: true }), "top-right");
  map.addControl(new AttributionControl({ compact: true }), "bottom-right");
  return map;
}
