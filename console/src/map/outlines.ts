/** The outlines of the areas, fetched once: they change with a new map only. */
import type { Feature, FeatureCollection } from "geojson";
import type { GeoJSONSource, LayerSpecification, Map as TownMap } from "maplibre-gl";
import { FONT } from "./style";

const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };
const TIERS = ["village", "town"] as const;
const found = new Map<string, Promise<FeatureCollection>>();

/** Not through the client: a line on the map is no reason to ask somebody to sign in again. */
async function read(tier: string): Promise<FeatureCollection> {
  const answer = await fetch(`/api/areas.geojson?tier=${tier}`);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return (await answer.json()) as FeatureCollection;
}

export function outlines(tier: string): Promise<FeatureCollection> {
  let asked = found.get(tier);
  if (asked === undefined) {
    asked = read(tier);
    found.set(tier, asked);
    asked.catch(() => found.delete(tier)); // asked again with the next style
  }
  return asked;
}

/** Draws the villages and towns below the labels; on plain ground they are the map, and are named.
 * One source for both: each source has tiles of its own to look after in every frame. */
export function addOutlines(map: TownMap, language: string, hasTiles: boolean): void {
  const css = getComputedStyle(document.documentElement);
  const soft = css.getPropertyValue("--soft").trim();
  const below = map.getLayer("road-name") ? "road-name" : undefined;
  const source = "outlines";
  map.addSource(source, { type: "geojson", data: NOTHING });
  for (const tier of TIERS) {
    const id = `outline-${tier}`, filter = ["==", ["get", "of_tier"], tier];
    const isTown = tier === "town";
    const line = { id, type: "line", source, filter, paint: { "line-color": soft, "line-opacity": hasTiles ? 0.3 : 0.7, "line-width": isTown ? 1.5 : 1, ...(isTown ? {} : { "line-dasharray": [4, 3] }) } };
    map.addLayer(line as LayerSpecification, below);
    if (!hasTiles && !isTown) {
      const name = ["coalesce", ["get", `name.${language}`], ["get", "name.en"], ["get", "name.zh-CN"]];
      const label = { id: `${id}-name`, type: "symbol", source, filter, layout: { "text-field": name, "text-font": FONT, "text-size": 12, "text-max-width": 8 }, paint: { "text-color": soft, "text-halo-color": css.getPropertyValue("--ground").trim(), "text-halo-width": 1.4 } };
      map.addLayer(label as unknown as LayerSpecification);
    }
  }
  const asked = TIERS.map(async (tier) => (await outlines(tier)).features.map((each): Feature => ({ ...each, properties: { ...each.properties, of_tier: tier } })));
  void Promise.allSettled(asked).then((tiers) => {
    const features = tiers.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    for (const each of tiers) if (each.status === "rejected") console.info("no outlines", each.reason); // the cases are on the map without them
    (map.getSource(source) as GeoJSONSource | undefined)?.setData({ type: "FeatureCollection", features });
  });
}
