/** The shapes of the priorities as pictures for the map: the same as in the list. */
import type { Map as TownMap } from "maplibre-gl";

const SIZE = 44;

function drawn(level: number, colour: string, onColour: string, isLate: boolean): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d");
  if (pen === null) throw new Error("no canvas");
  const [mid, r] = [SIZE / 2, 15];
  pen.lineWidth = 4;
  pen.strokeStyle = pen.fillStyle = colour;
  pen.beginPath();
  if (level === 1) pen.rect(mid - r, mid - r, 2 * r, 2 * r);
  else if (level === 2) {
    pen.moveTo(mid, mid - r - 3); pen.lineTo(mid + r + 3, mid); pen.lineTo(mid, mid + r + 3); pen.lineTo(mid - r - 3, mid);
    pen.closePath();
  } else pen.arc(mid, mid, r, 0, 2 * Math.PI);
  if (level === 4) {
    pen.save(); pen.fillStyle = onColour; pen.fill(); pen.restore(); pen.stroke();
  } else pen.fill();
  pen.fillStyle = level === 4 ? colour : onColour;
  pen.font = "600 20px 'Noto Sans', sans-serif";
  pen.textAlign = "center";
  pen.fillText(String(level), mid, mid + 7);
  if (isLate) {
    // Late is a second shape, a bar below, so that it is not told by colour.
    pen.fillStyle = colour;
    pen.fillRect(mid - r - 2, SIZE - 5, 2 * r + 4, 4);
  }
  return pen.getImageData(0, 0, SIZE, SIZE);
}

/** Puts the eight signs into the map, in the colours of the theme. */
export function addSigns(map: TownMap): void {
  const style = getComputedStyle(document.documentElement);
  const on = style.getPropertyValue("--on-act").trim();
  for (const level of [1, 2, 3, 4]) {
    const colour = style.getPropertyValue(`--p${level}`).trim();
    for (const isLate of [false, true]) {
      const name = `p${level}${isLate ? "-late" : ""}`;
      if (map.hasImage(name)) map.removeImage(name);
      map.addImage(name, drawn(level, colour, on, isLate), { pixelRatio: 2 });
    }
  }
}
