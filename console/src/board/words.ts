export const words = {
  en: {
    title: "Board", search: "Search type, area, agency or number", late: "late {n}", risk: "at risk {n}", none: "No open case fits these filters.", clear: "Clear all filters", list: "Cases", filter: "Filter", more: "{n} more",
    new_above: "{n} new above", emergency: "New emergency: {what}, {where}", seen: "Seen", tier: "Tier", area: "Area", agency: "Agency", type: "Type", state: "State", clock: "Clock", priority: "Priority", mine: "Mine",
    c_late: "late", c_risk: "at risk", c_running: "running", c_paused: "paused", next_case: "Next case", prev_case: "Previous case", open_case: "Open the case", back: "Close the case", search_key: "Search", waits: "{who}: {action}", reporter: "reporter", open: "Open the whole case", shown: "{n} of {all}", choose: "Choose a case in the list or on the map.", reports: "{n} reports", drill: "DRILL", drill_long: "Drill, not real. A real unit is sent only after a second question.", silent: "SILENT", silent_long: "Silent: no sound, no call-back to the site, not a word in public.", cancelled: "Taken back at the site with the code.", waiting: "waits", map: "Map", merge: "Compare and merge",
  },
  "zh-CN": {
    title: "工作台", search: "搜索类型、区域、单位或编号", late: "超时 {n}", risk: "临期 {n}", none: "没有符合条件的在办案件。", clear: "清除全部筛选", list: "案件", filter: "筛选", more: "另有 {n} 项",
    new_above: "上方新增 {n} 件", emergency: "新紧急案件：{what}，{where}", seen: "已看到", tier: "层级", area: "区域", agency: "单位", type: "类型", state: "状态", clock: "时限", priority: "级别", mine: "我的",
    c_late: "超时", c_risk: "临期", c_running: "计时中", c_paused: "已暂停", next_case: "下一件", prev_case: "上一件", open_case: "打开案件", back: "关闭案件", search_key: "搜索", waits: "{who}：{action}", reporter: "报告人", open: "打开完整案件", shown: "{n} / {all}", choose: "请在列表或地图上选择案件。", reports: "{n} 次上报", drill: "演练", drill_long: "演练，非真实警情。派出真实力量须二次确认。", silent: "静默", silent_long: "静默：不发声、不回拨现场、不对外公开。", cancelled: "现场已凭码撤销。", waiting: "等待", map: "地图", merge: "比对与合并",
  },
} as const;
