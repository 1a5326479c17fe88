export const words = {
  en: { no_map: "There is no map of this area yet. Make one on the node: tocsin map build FILE.osm.pbf", building: "The map is being made; it appears by itself.", no_webgl: "This browser can not draw the map (WebGL is off). The list shows everything.", loading: "Loading the map", map: "Map", cluster: "{n} cases", tilt: "3D" },
  "zh-CN": { no_map: "本区域尚无地图。请在节点上生成：tocsin map build FILE.osm.pbf", building: "正在生成地图，完成后自动显示。", no_webgl: "此浏览器无法绘制地图（WebGL 不可用）。列表中显示全部案件。", loading: "正在加载地图", map: "地图", cluster: "{n} 个案件", tilt: "三维" },
} as const;
