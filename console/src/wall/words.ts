export const words = {
  en: {
    title: "Wall", back: "Board", now: "Open now", tier: "Tier", risk: "At risk within an hour", late: "Late now", rates: "Kept promises", of: "{n} of {m}", nothing: "nothing to count", day: "Last 24 hours", opened: "opened", closed: "closed", missed: "missed", play: "Play", pause: "Pause", faster: "Speed ×{n}", table: "As a table", csv: "Download CSV", cases: "Cases behind the number", close: "Close", area: "Area", all: "all", from: "From", to: "To", range: "Rates for cases opened {from} to {to}. Drag over the bars to choose.", whole: "All of the 30 days", more: "There was more than can be replayed at once.", none: "None.", time: "Time", measure: "Measure", share: "Share",
    county: "County", town: "Town", village: "Village or community", cell: "Grid cell", replay: "Replay", position: "Moment of the replay",
  },
  "zh-CN": {
    title: "大屏", back: "工作台", now: "当前在办", tier: "层级", risk: "一小时内到期", late: "已超时", rates: "按时率", of: "{n} / {m}", nothing: "暂无数据", day: "最近 24 小时", opened: "新增", closed: "办结", missed: "超时", play: "播放", pause: "暂停", faster: "速度 ×{n}", table: "表格", csv: "下载 CSV", cases: "该数字对应的案件", close: "关闭", area: "区域", all: "全部", from: "从", to: "至", range: "统计 {from} 至 {to} 建立的案件。在柱图上拖动可选择时段。", whole: "恢复为 30 天", more: "记录过多，无法一次全部回放。", none: "无。", time: "时间", measure: "指标", share: "比率",
    county: "县", town: "乡镇（街道）", village: "村（社区）", cell: "网格", replay: "回放", position: "回放时刻",
  },
} as const;
