/** The signs of units as pictures for the map: the same silhouettes and drawings as in the list. */
import type { Map as TownMap } from "maplibre-gl";
import { HEIGHT, WIDTH, drawingOf, letterOf, shapeOf } from "../units/signs";

const SCALE = 2, EDGE = 2;
export const HEADING = "unit-heading";

export function signName(kind: string, status: string, isStale: boolean): string {
  return `unit ${kind} ${status}${isStale ? " old" : ""}`;
}

function pen(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const found = canvas.getContext("2d", { willReadFrequently: true });
  if (found === null) throw new Error("no canvas");
  return found;
}

/** Puts the sign into the map unless it is there. Hollow and dashed: the position is old. */
export function addUnitSign(map: TownMap, kind: string, kindName: string, status: string, isStale: boolean): void {
  const name = signName(kind, status, isStale);
  if (map.hasImage(name)) return;
  const css = getComputedStyle(document.documentElement);
  const of = (token: string) => css.getPropertyValue(token).trim();
  const [width, height] = [(WIDTH + 2 * EDGE) * SCALE, (HEIGHT + 2 * EDGE) * SCALE];
  const draw = pen(width, height), shape = shapeOf(status), drawing = drawingOf(kind);
  const own = of(shape.colour), inner = isStale ? own : of("--on-act");
  draw.scale(SCALE, SCALE);
  draw.translate(EDGE, EDGE);
  const outline = new Path2D(shape.outline);
  // A rim in the colour of the ground keeps it apart from roads and from its neighbours.
  draw.lineJoin = "round";
  draw.lineWidth = 4;
  draw.strokeStyle = of("--panel");
  draw.stroke(outline);
  draw.fillStyle = isStale ? of("--panel") : own;
  draw.fill(outline);
  draw.lineWidth = isStale ? 2 : 1.2;
  draw.setLineDash(isStale ? [3, 2] : []);
  draw.strokeStyle = own;
  draw.stroke(outline);
  draw.fillStyle = inner;
  if (drawing) draw.fill(new Path2D(drawing));
  else {
    draw.font = "600 12px 'Noto Sans', sans-serif";
    draw.textAlign = "center";
    draw.fillText(letterOf(kindName), WIDTH / 2, HEIGHT / 2 + 4.5);
  }
  draw.fillStyle = own;
  if (shape.bars) draw.fill(new Path2D(shape.bars));
  map.addImage(name, draw.getImageData(0, 0, width, height), { pixelRatio: SCALE });
}

/** The arrow of a heading, up; it lies outside the sign, so that no shape hides it. */
export function addHeading(map: TownMap): void {
  if (map.hasImage(HEADING)) return;
  const size = 120, draw = pen(size, size), css = getComputedStyle(document.documentElement);
  draw.translate(size / 2, size / 2);
  draw.beginPath();
  draw.moveTo(0, -56);
  draw.lineTo(13, -34);
  draw.lineTo(0, -40);
  draw.lineTo(-13, -34);
  draw.closePath();
  draw.lineJoin = "round";
  draw.lineWidth = 6;
  draw.strokeStyle = css.getPropertyValue("--panel").trim();
  draw.stroke();
  draw.fillStyle = css.getPropertyValue("--text").trim();
  draw.fill();
  map.addImage(HEADING, draw.getImageData(0, 0, size, size), { pixelRatio: SCALE });
}
