export const words = {
  en: {
    title: "Alarm scorecard", soft: "How good the alarms are. Every number opens the alarms that it counts. Drills count in none.", unavailable: "This node keeps no scorecard.",
    span: "Time", d1: "Last day", d7: "Last 7 days", d30: "Last 30 days", d90: "Last 90 days", operators: "Operators at a seat", print: "Print", csv: "Download as CSV", back: "Back", period: "{from} to {to}",
    by: "By", all: "The whole", seat: "Seat", agency: "Agency", site: "Site", model: "Model", of: "{by}: {name}", none_stated: "not stated", no_groups: "No alarm in this time: there is nothing to group.",
    measure: "Number", value: "Value", target: "Target", result: "Result", counted: "Alarms", counted_of: "{n} of {m}", trend: "Nights, whole county", no_nights: "No night yet", nights: "{n} nights, from {from} to {to}; the last {last}",
    met: "Met", missed: "Missed", act: "Act now", open: "No target", nothing: "Nothing to count", at_most: "at most {n}", below: "below {n}", at_least: "at least {n}", act_above: "act above {n}",
    sum: "{n} of {all} targets missed.", sum_act: "{n} to act on at once.", sum_good: "All {all} targets with something to count are met.", sum_empty: "No target has anything to count yet.",
    worst: "Worst sources", worst_soft: "The ten devices that asked for somebody most often. The worst order their own repair at night.", device: "Device", times: "Asked", share: "Share", orders: "Work orders", no_order: "none", no_sources: "No device asked for anybody in this time.", ordered: "{at}, {state}", is_open: "open", is_over: "over", no_case: "no case could be opened",
    tests: "Coverage of the weekly test", tests_bad: "{n} of {all} sites have something to see to.", tests_good: "All {all} sites tested every button.", tests_none: "No buttons are registered in your reach.", to_tests: "Open the weekly test",
    groups: "{measure} by {by}", choose: "Choose a number, and by what.", behind: "Alarms behind the number", rest: "The rest: {n}", count_in: "Counted: {n}", among: "All looked at: {n}", more: "Show more", close: "Close", no_alarms: "None.", next: "Next number", prev: "Previous number", open_alarms: "Open its alarms", case: "case", longer: "A longer time", shorter: "A shorter time", loading: "Reading",
  },
  "zh-CN": {
    title: "告警质量记分卡", soft: "告警质量一览。每个数字都可打开其所统计的告警；演练不计入。", unavailable: "本节点未保存记分卡。",
    span: "时段", d1: "最近一天", d7: "最近 7 天", d30: "最近 30 天", d90: "最近 90 天", operators: "每席值班人数", print: "打印", csv: "下载 CSV", back: "返回", period: "{from} 至 {to}",
    by: "分组", all: "总体", seat: "席位", agency: "单位", site: "场所", model: "型号", of: "{by}：{name}", none_stated: "未填写", no_groups: "该时段没有告警，无可分组。",
    measure: "指标", value: "数值", target: "目标", result: "结果", counted: "告警", counted_of: "{n} / {m}", trend: "每晚走势（全县）", no_nights: "尚无夜间记录", nights: "共 {n} 晚，由 {from} 至 {to}，最近 {last}",
    met: "达标", missed: "未达标", act: "须立即处理", open: "无目标", nothing: "暂无可统计", at_most: "不超过 {n}", below: "低于 {n}", at_least: "不低于 {n}", act_above: "超过 {n} 须处理",
    sum: "{all} 项目标中 {n} 项未达标。", sum_act: "其中 {n} 项须立即处理。", sum_good: "有数据的 {all} 项目标全部达标。", sum_empty: "各项目标暂无可统计的数据。",
    worst: "告警最多的来源", worst_soft: "播报最多的十台设备。情况最差的设备会在夜间自动生成工单。", device: "设备", times: "播报", share: "占比", orders: "工单", no_order: "无", no_sources: "该时段没有设备播报。", ordered: "{at}，{state}", is_open: "未完成", is_over: "已结束", no_case: "未能立案",
    tests: "每周测试覆盖", tests_bad: "{all} 个场所中有 {n} 个需要处理。", tests_good: "全部 {all} 个场所的按钮均已测试。", tests_none: "您的范围内没有登记按钮。", to_tests: "打开每周测试",
    groups: "{measure}（按{by}）", choose: "请选择指标和分组方式。", behind: "该数字对应的告警", rest: "其余：{n}", count_in: "计入：{n}", among: "全部统计范围：{n}", more: "显示更多", close: "关闭", no_alarms: "无。", next: "下一项指标", prev: "上一项指标", open_alarms: "打开对应告警", case: "案件", longer: "更长时段", shorter: "更短时段", loading: "正在读取",
  },
} as const;
