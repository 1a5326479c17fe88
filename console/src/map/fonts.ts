/** The fonts of the map are those of the page: read from the style sheets, so that nothing is named
 * twice. The map asks for a file only when a label needs a letter of it. */
export type Faces = Record<string, { url: string; "unicode-range"?: string[] }[]>;

export function pageFonts(): Faces {
  const found: Faces = { "Noto Sans": [] };
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (!(rule instanceof CSSFontFaceRule)) continue;
      const style = rule.style;
      if (!style.getPropertyValue("font-family").includes("Noto Sans") || style.getPropertyValue("font-weight") !== "400") continue;
      const url = /url\("?([^")]+)"?\)/.exec(style.getPropertyValue("src"))?.[1];
      const range = style.getPropertyValue("unicode-range");
      if (!url) continue;
      const face = { url: new URL(url, sheet.href ?? location.href).href };
      found["Noto Sans"]!.push(range ? { ...face, "unicode-range": range.split(",").map((each) => each.trim()) } : face);
    }
  }
  return found;
}
