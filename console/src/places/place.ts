/** Places as the node finds them, and what can be said of them without asking it. */
import { get, query } from "../api/client";

export interface Place { kind: "address" | "crossing" | "street" | "name" | "point"; label: string; lon: number; lat: number; area?: string | null }
export interface Point { lon: number; lat: number }

/** Six figures are a tenth of a metre. */
export const degrees = (value: number): string => String(Number(value.toFixed(6)));
export const pointAt = ({ lon, lat }: Point): Place => ({ kind: "point", label: `${degrees(lat)}, ${degrees(lon)}`, lon, lat });

/** Coordinates as people write them, latitude first. */
export function readPoint(text: string): Place | null {
  const [, lat, lon] = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,;，\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (lat === undefined || lon === undefined || Math.abs(Number(lat)) > 90 || Math.abs(Number(lon)) > 180) return null;
  return pointAt({ lon: Number(lon), lat: Number(lat) });
}

/** What people call the point, or its coordinates where the map says nothing. */
export async function nameOf(point: Point): Promise<string> {
  const near = await get<{ place: Place | null }>(`/api/places/near${query({ lon: point.lon, lat: point.lat })}`).catch(() => null);
  return near?.place?.label ?? pointAt(point).label;
}

/** Metres between two points of one town. */
export function metres(a: Point, b: Point): number {
  const per = 111_195; // of one degree of latitude
  return Math.hypot((a.lat - b.lat) * per, (a.lon - b.lon) * per * Math.cos((a.lat * Math.PI) / 180));
}
