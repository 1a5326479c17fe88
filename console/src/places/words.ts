export const words = {
  en: {
    search: "Address, crossing, name or coordinates", hint: "Street and number, or Street / Street", nothing: "Nothing found. Try the street alone, or give the coordinates.", found: "{n} found; arrows choose",
    lat: "Latitude (WGS 84)", lon: "Longitude (WGS 84)", or_map: "Or click on the map.", is_now: "Is now", will_be: "Will be", moved: "{n} m away from where it is now", unmoved: "Not chosen yet",
    no_map: "There is no map to search in. Give the coordinates.", address: "address", crossing: "crossing", street: "street", name: "name", point: "coordinates",
  },
  "zh-CN": {
    search: "地址、路口、名称或坐标", hint: "街道和门牌号，或 街道 / 街道", nothing: "未找到。请只输入街道，或填写坐标。", found: "找到 {n} 处，用方向键选择",
    lat: "纬度（WGS 84）", lon: "经度（WGS 84）", or_map: "也可在地图上点选。", is_now: "现在位置", will_be: "改为", moved: "距现在位置 {n} 米", unmoved: "尚未选择",
    no_map: "没有可供搜索的地图，请填写坐标。", address: "地址", crossing: "路口", street: "街道", name: "名称", point: "坐标",
  },
} as const;
