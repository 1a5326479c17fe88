export const words = {
  en: {
    units: "Units", cases: "Cases", units_key: "Units or cases in the list", none: "No unit fits these filters.", clear: "Clear the filters", shown: "{n} of {all}, free {free}", free: "Free", any_agency: "Every agency", any_kind: "Every kind", any_status: "Every status", on_duty: "On duty",
    agency: "Agency", kind: "Kind", status: "Status", position: "Position", since: "since {at}", crew: "Crew", crew_of: "{n} people", shift: "Shift {shift}", cases_of: "Cases", next_case: "after that", no_case: "On no case.", no_position: "no position", now: "just now", seconds: "{n} s", minutes: "{n} min", age: "{span} ago", stale: "old: {span} ago",
    stale_long: "The last position is {span} old. It may be somewhere else by now.", alerts_off: "Nobody reads its alerts", close: "Close the unit", next_unit: "Next unit", prev_unit: "Previous unit", press: "Report for the crew", press_key: "Report: {status}", none_next: "No status may be reported now.",
    recall: "Recall from {what}", recall_key: "Recall from its case", send: "Send to the chosen case", stack: "Add the chosen case after this one", stack_title: "Add a case for {unit}", stack_why: "Why does it wait for this unit?", choose_case: "Choose a case in the list to send it there, or drag the unit onto one.", on_it: "It is on this case.",
    on_duty_now: "Sign on duty", off_duty_now: "Sign off", duty: "Duty", drag: "Drag onto a case to send it", go: "Show on the map", reason: "Reason", dropped: "Let go over a case to send {unit} there", onto: "{unit} → {what}", sent: "{unit} was sent: {what}.", sent_undo: "Recall is on the unit.", lost_unit: "There is no such unit, or it is outside your reach.",
    not_free: "{unit} is not free: {status}. Clear or recall it first, or add the case with a reason.", heading: "heading {deg}°", speed: "{n} km/h", agency_name: "{name}", r_nearest_next: "It is the nearest one next", r_same_place: "The same place or the same way", r_no_other: "No other unit is free", open_case: "Open the case", units_on: "Units on it",
    moves_to: "moves to {to}", waits_at: "waits at {to}",
    legend: "Signs", l_free: "free", l_sent: "sent", l_way: "on the way", l_scene: "on scene", l_transport: "transporting", l_out: "out of service", l_stale: "old position",
  },
  "zh-CN": {
    units: "力量", cases: "案件", units_key: "列表显示力量或案件", none: "没有符合条件的力量单元。", clear: "清除筛选", shown: "{n} / {all}，可派 {free}", free: "可派", any_agency: "全部单位", any_kind: "全部类型", any_status: "全部状态", on_duty: "在岗",
    agency: "单位", kind: "类型", status: "状态", position: "位置", since: "自 {at}", crew: "值勤人员", crew_of: "{n} 人", shift: "班次 {shift}", cases_of: "案件", next_case: "其后", no_case: "当前无案件。", no_position: "无位置", now: "刚刚", seconds: "{n} 秒", minutes: "{n} 分钟", age: "{span}前", stale: "过期：{span}前",
    stale_long: "最后一次位置是 {span}前的，现在可能已不在那里。", alerts_off: "无人接收提醒", close: "关闭力量单元", next_unit: "下一单元", prev_unit: "上一单元", press: "代值勤人员报告状态", press_key: "报告：{status}", none_next: "当前没有可报告的状态。",
    recall: "从{what}召回", recall_key: "从案件召回", send: "派往所选案件", stack: "把所选案件追加在后", stack_title: "为 {unit} 追加案件", stack_why: "为什么等待该单元？", choose_case: "请在列表中选择案件后派出，或把单元拖到案件上。", on_it: "已在此案件上。",
    on_duty_now: "上岗", off_duty_now: "下岗", duty: "值勤", drag: "拖到案件上即派出", go: "在地图上显示", reason: "理由", dropped: "在案件上松开即派出 {unit}", onto: "{unit} → {what}", sent: "已派出 {unit}：{what}。", sent_undo: "可在单元面板召回。", lost_unit: "没有该力量单元，或不在您的范围内。",
    not_free: "{unit} 不可派：{status}。请先完成或召回，或说明理由后追加案件。", heading: "航向 {deg}°", speed: "{n} 公里/时", agency_name: "{name}", r_nearest_next: "其后最近的单元", r_same_place: "同一地点或同一方向", r_no_other: "没有其他可派单元", open_case: "打开案件", units_on: "在办力量",
    moves_to: "前往 {to} 待命", waits_at: "在 {to} 待命",
    legend: "图例", l_free: "可派", l_sent: "已派出", l_way: "途中", l_scene: "到场", l_transport: "转运中", l_out: "停用", l_stale: "位置过期",
  },
} as const;
