/** What the pointer is over. Asked once a frame at most and never while the map moves under it: a
 * mouse tells of itself more often than a screen is drawn, and each question walks all that is shown. */
import type { Map as TownMap, MapGeoJSONFeature, Point } from "maplibre-gl";

/** Tells of the uppermost thing of these layers under the pointer; null for none. */
export function pointing(map: TownMap, layers: readonly string[], tell: (hit: MapGeoJSONFeature | null) => void): void {
  let at: Point | null = null, frame = 0;
  const look = (): void => {
    frame = 0;
    if (at === null || map.isMoving()) return;
    tell(map.queryRenderedFeatures(at, { layers: layers.filter((each) => map.getLayer(each)) })[0] ?? null);
  };
  const soon = (): void => void (frame ||= requestAnimationFrame(look));
  map.on("mousemove", (event) => {
    at = event.point;
    if (!event.originalEvent.buttons) soon();
  });
  map.on("moveend", soon);
  map.on("mouseout", () => {
    at = null;
    tell(null);
  });
  map.on("remove", () => cancelAnimationFrame(frame));
}
