/** The small map on the residents' pages: to tap a place, or to see where published cases are.
 *
 * The pages work without it. Where it can not be drawn it takes its box away and says nothing: the
 * address field and the list are there anyway. Texts come from the page, in its own language. */
import "../trusted";
import type { GeoJSONSource, Map as TownMap, MapMouseEvent } from "maplibre-gl";
import { FONT, styleOf } from "../map/style";

interface Place { lon: number; lat: number; area: string; cases: { case: string; kind: string; state: string }[] }
type Point = [number, number];

const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
const ink = isDark ? "#5aa9ff" : "#0b62b8";
const paper = isDark ? "#0d1115" : "#ffffff";

function make<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, more: Partial<HTMLElementTagNameMap[Tag]>): HTMLElementTagNameMap[Tag] {
  return Object.assign(document.createElement(tag), more);
}

function dots(points: { at: Point; count: number; index: number }[]): GeoJSON.FeatureCollection {
  return {
    type: "FeatureCollection",
    features: points.map(({ at, count, index }) => ({ type: "Feature", properties: { count, index }, geometry: { type: "Point", coordinates: at } })),
  };
}

async function draw(box: HTMLElement): Promise<TownMap> {
  const [library] = await Promise.all([import("../map/library"), import("../styles/fonts.css")]);
  const bounds = (box.dataset["bounds"] ?? "").split(",").map(Number) as [number, number, number, number];
  box.hidden = false; // without script the page keeps no empty box
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", box.dataset["hint"] ?? "");
  const map = library.make(box, styleOf(isDark, box.lang, true), bounds, box.lang);
  map.setMaxPitch(0);
  await map.once("load");
  map.addSource("dots", { type: "geojson", data: dots([]) });
  map.addLayer({ id: "dot", type: "circle", source: "dots", paint: { "circle-radius": ["step", ["get", "count"], 11, 10, 15, 100, 19], "circle-color": ink, "circle-stroke-color": paper, "circle-stroke-width": 3 } });
  map.addLayer({ id: "count", type: "symbol", source: "dots", filter: [">", ["get", "count"], 1], layout: { "text-field": ["to-string", ["get", "count"]], "text-font": FONT, "text-size": 13, "text-allow-overlap": true }, paint: { "text-color": paper } });
  return map;
}

function put(map: TownMap, points: { at: Point; count: number; index: number }[]): void {
  (map.getSource("dots") as GeoJSONSource).setData(dots(points));
}

/** A tap, or the middle of the map by a button for those who do not tap, fills two hidden fields. */
async function pick(box: HTMLElement): Promise<void> {
  const lon = document.getElementById(box.dataset["lon"] ?? "") as HTMLInputElement;
  const lat = document.getElementById(box.dataset["lat"] ?? "") as HTMLInputElement;
  const map = await draw(box);
  const said = make("p", { className: "hint" });
  said.setAttribute("role", "status");
  const here = make("button", { type: "button", className: "second", textContent: box.dataset["middle"] ?? "" });
  const away = make("button", { type: "button", className: "second", textContent: box.dataset["clear"] ?? "" });
  const buttons = make("p", { className: "buttons" });
  buttons.append(here, away);
  box.after(said, buttons);
  const take = (at: Point | null): void => {
    [lon.value, lat.value] = at === null ? ["", ""] : [at[0].toFixed(6), at[1].toFixed(6)];
    put(map, at === null ? [] : [{ at, count: 1, index: 0 }]);
    said.textContent = (at === null ? box.dataset["hint"] : box.dataset["taken"]) ?? "";
    away.hidden = at === null;
  };
  map.on("click", (event: MapMouseEvent) => take([event.lngLat.lng, event.lngLat.lat]));
  here.addEventListener("click", () => { const { lng, lat: north } = map.getCenter(); take([lng, north]); });
  away.addEventListener("click", () => take(null));
  const was: Point = [Number(lon.value), Number(lat.value)];
  take(lon.value && was.every(Number.isFinite) ? was : null);
  if (lon.value) map.jumpTo({ center: was, zoom: 15 });
}

/** One dot for each neighbourhood; a tap lists its cases below the map. */
async function show(box: HTMLElement): Promise<void> {
  const [map, answer] = await Promise.all([draw(box), fetch(box.dataset["places"] ?? "")]);
  const { places } = (await answer.json()) as { places: Place[] };
  put(map, places.map((each, index) => ({ at: [each.lon, each.lat], count: each.cases.length, index })));
  const list = make("div", {});
  list.setAttribute("role", "status");
  box.after(list);
  map.on("click", "dot", (event) => {
    const place = places[Number(event.features?.[0]?.properties["index"])];
    if (place === undefined) return;
    const rows = make("ul", { className: "cases" });
    for (const each of place.cases.slice(0, 50)) {
      const row = make("li", {});
      row.append(make("a", { href: `/published/${encodeURIComponent(each.case)}${location.search}`, textContent: each.kind }), make("p", { textContent: each.state }));
      rows.append(row);
    }
    list.replaceChildren(make("h2", { textContent: place.area }), rows);
  });
  map.on("mouseenter", "dot", () => void (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", "dot", () => void (map.getCanvas().style.cursor = ""));
}

const box = document.querySelector<HTMLElement>("[data-map]");
if (box !== null) {
  const canDraw = document.createElement("canvas").getContext("webgl2") !== null;
  const work = canDraw ? (box.dataset["map"] === "pick" ? pick(box) : show(box)) : Promise.reject(new Error("no WebGL"));
  work.catch(() => box.remove());
}
