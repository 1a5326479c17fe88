/** The map library, in a piece of its own: it is as large as all the rest and comes last. */
import { AttributionControl, Map as TownMap, NavigationControl, addProtocol, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { Protocol } from "pmtiles";

setWorkerUrl(workerUrl);
addProtocol("pmtiles", new Protocol().tile);

/** A map in `box`, showing `bounds` ([west, south, east, north]). */
export function make(box: HTMLElement, style: StyleSpecification, bounds: [number, number, number, number] | null): TownMap {
  const map = new TownMap({
    container: box,
    style,
    attributionControl: false,
    maxPitch: 70,
    fadeDuration: 0,
    localIdeographFontFamily: false, // Chinese too comes from the fonts that we ship
    ...(bounds ? { bounds: [[bounds[0], bounds[1]], [bounds[2], bounds[3]]], fitBoundsOptions: { padding: 24 } } : {}),
  });
  const raise = (): void => {
    if (map.getLayer("building-3d")) map.setLayoutProperty("building-3d", "visibility", map.getPitch() > 3 ? "visible" : "none");
  };
  map.on("pitch", raise);
  map.on("styledata", raise);
  map.addControl(new NavigationControl({ visualizePitch: true }), "top-right");
  map.addControl(new AttributionControl({ compact: true }), "bottom-right");
  return map;
}
