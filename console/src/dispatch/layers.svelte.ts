/** What lies over the map on request: coverage, the reach of a unit, closed roads, advice on moves.
 * A node that has none of it says so by a 404, and the layer is not offered. */
import { Refusal, get, newKey, post, query, writeHeaders, read } from "../api/client";

export interface Zone { id: string; name: string; lon: number; lat: number; share: number; covered: number; covered_without: number }
export interface Coverage { at: string; capability: string; name: string; capabilities: string[]; target_s: number; is_by_road: boolean; covered: number; covered_without: number; text: string; weighed: string; zones: Zone[] }
export interface RoadChange { id: string; reason: string; factor: number | null; starts_at: string; ends_at: string | null; is_in_force: boolean; names: string[]; length_m: number; geometry: { type: string; coordinates: [number, number][][] } }
export interface Move { unit: string; name: string; to: string; place: { lon: number; lat: number }; time_s: number; gain: number; text: string }
export interface Turn { unit: string; name: string; from_case: string; to_case: string; time_s: number; gain_s: number | null; text: string }
type Rings = GeoJSON.FeatureCollection;
export type Layer = "coverage" | "reach" | "roads" | "moves";

const WAIT_MS = 250; // somebody who walks down a list asks about the row where they stop

class Layers {
  on = $state.raw<ReadonlySet<Layer>>(new Set());
  coverage = $state.raw<Coverage | null>(null);
  capability = $state("");
  /** What stays covered if this unit goes; asked for the candidate that is pointed at. */
  gone = $state.raw<(Coverage & { unit: string }) | null>(null);
  rings = $state.raw<Rings | null>(null);
  roads = $state.raw<{ roads: string; changes: RoadChange[] } | null>(null);
  moves = $state.raw<{ moves: Move[]; redispatches: Turn[] } | null>(null);
  /** The node does not cover: nothing more is asked of it. */
  isMissing = $state(false);
  /** Points of a road that somebody is about to close; null while nobody is. */
  picked = $state.raw<readonly { lon: number; lat: number }[] | null>(null);
  #wait: ReturnType<typeof setTimeout> | undefined;
  #asked = "";

  toggle(layer: Layer): void {
    const now = new Set(this.on);
    if (!now.delete(layer)) now.add(layer);
    this.on = now;
    if (!now.has("roads")) this.picked = null;
  }
  /** The candidate that is pointed at; null for none. */
  ifGone(unit: string | null): void {
    clearTimeout(this.#wait);
    this.#asked = unit ?? "";
    if (unit === null) return void (this.gone = null);
    if (this.isMissing || this.gone?.unit === unit) return;
    this.#wait = setTimeout(() => {
      get<Coverage>(`/api/coverage${query({ without: unit })}`).then((found) => {
        if (this.#asked === unit) this.gone = { ...found, unit };
      }).catch((error) => this.#missed(error));
    }, WAIT_MS);
  }
  #missed(error: unknown): void {
    if (error instanceof Refusal && [404, 403].includes(error.status)) this.isMissing = true;
    else console.info("no coverage", error);
  }
  async readCoverage(): Promise<void> {
    try {
      this.coverage = await get<Coverage>(`/api/coverage${query({ capability: this.capability })}`);
    } catch (error) {
      this.#missed(error);
      if (!(error instanceof Refusal && error.status === 404)) throw error;
    }
  }
  async readRings(unit: string | null, hasPosition: boolean): Promise<void> {
    this.rings = unit === null ? null : await get<Rings>(`/api/rings${query(hasPosition ? { unit } : { post: unit })}`);
  }
  async readRoads(): Promise<void> {
    this.roads = await get("/api/roads/changes");
  }
  async readMoves(): Promise<void> {
    this.moves = await get("/api/dispatch/moves");
  }
  /** Whether the click was one for a road. */
  pick(lon: number, lat: number): boolean {
    if (this.picked === null || this.picked.length >= 2) return false;
    this.picked = [...this.picked, { lon, lat }];
    return true;
  }
  async close(reason: string, factor: number | null): Promise<{ cut_off: { id: string; name: string }[] }> {
    const points = (this.picked ?? []).map((each) => ({ ...each, datum: "wgs84" }));
    const made = await post<{ cut_off: { id: string; name: string }[] }>("/api/roads/changes", { points, reason, factor }, { key: newKey() });
    this.picked = null;
    await this.readRoads();
    return made;
  }
  async takeBack(id: string): Promise<void> {
    const path = `/api/roads/changes/${encodeURIComponent(id)}`;
    const answer = await fetch(path, { method: "DELETE", headers: writeHeaders({ key: newKey() }), credentials: "same-origin" });
    read(answer.status, null, await answer.text(), path);
    await this.readRoads();
  }
}
export const layers = new Layers();
