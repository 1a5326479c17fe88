export const WORDS = {
  en: {
    drill: "DRILL, not real", silent: "SILENT: no siren, no call to the place",
    title: "Crew", sign_in: "Sign in", login: "Name", password: "Password", lang: "中文", sign_out: "Sign out", choose: "Which unit are you on?", none_units: "Your agency has no units here. Ask the administrator.", crew_size: "How many of you?", on_duty: "Sign on duty", taken: "on duty: {status}", back: "Other unit", back_to: "Back",
    off_duty: "Sign off duty", alerts: "Alerts", no_alerts: "No alert. You are told here, with a sound, when you are sent.", seen: "Seen", alert: "Alert", read: "Read what was reported", read_why: "It is recorded that you read it.", sealed_none: "No words were given.", map: "Open in the phone's map", place: "Place", ask: "Ask and look", case: "Your case", case_next: "After that", no_case: "No case.",
    note: "Note on the case", note_send: "Send the note", status: "Status", since: "since {at}", pressed_at: "pressed {at}", waiting: "Waiting for the line: {n}", waiting_one: "waiting, pressed {at}", refused: "Not taken: {what}, pressed {at}. {why}", understood: "Understood", sent: "Sent.", online: "Line is up", offline: "No line. What you press is kept here and sent in order when the line is back.",
    foreign: "{n} presses by {who} wait on this phone. They are sent when {who} signs in.", signed_out_waiting: "You are signed out on this phone. {n} presses wait for the line; they are sent first, then your session ends.", failed: "Something went wrong on this page. Load it again; what you pressed is kept.", lost: "Not sent: the line is down.", expired: "Your session has ended. Sign in again; what you pressed is kept.", loading: "Loading", gone: "This unit is not in your reach any more.",
    sound: "Sound and vibration: touch once to allow", sound_ok: "Sound is allowed", duty_on: "Sign on duty", duty_off: "Sign off duty", note_label: "Note", revoked: "Your alerts have ended.", storage: "This browser keeps nothing: presses made without a line would be lost on closing the page.", shift: "On {unit}", people: "{n} people", moves_to: "Go and wait there", waits_at: "You wait here", post_of: "Post of {to}", move_done: "Press “{status}” when you are there. You may be sent on the way.",
  },
  "zh-CN": {
    drill: "演练，非真实警情", silent: "静默：不鸣警笛，不联系现场",
    title: "值勤", sign_in: "登录", login: "登录名", password: "密码", lang: "English", sign_out: "退出登录", choose: "您在哪个力量单元？", none_units: "您的单位在此没有力量单元，请联系管理员。", crew_size: "共几人？", on_duty: "上岗", taken: "在岗：{status}", back: "换单元", back_to: "返回",
    off_duty: "下岗", alerts: "出动提醒", no_alerts: "暂无提醒。派出时会在此显示并响铃。", seen: "已看到", alert: "提醒", read: "查看上报内容", read_why: "查看会留下记录。", sealed_none: "没有文字内容。", map: "在手机地图中打开", place: "地点", ask: "询问与观察", case: "当前案件", case_next: "其后案件", no_case: "当前无案件。",
    note: "案件备注", note_send: "发送备注", status: "状态", since: "自 {at}", pressed_at: "按下时间 {at}", waiting: "等待联网：{n} 条", waiting_one: "等待中，{at} 按下", refused: "未被接受：{what}（{at} 按下）。{why}", understood: "知道了", sent: "已发送。", online: "已联网", offline: "无网络。您按下的内容保存在此，联网后按顺序发送。",
    foreign: "本机有 {who} 的 {n} 条内容等待发送，{who} 登录后发送。", signed_out_waiting: "您已在本机退出。有 {n} 条内容等待联网，先发送，然后结束会话。", failed: "此页面出现错误，请重新加载；已按下的内容会保留。", lost: "未发送：连接已断开。", expired: "会话已结束，请重新登录；已按下的内容会保留。", loading: "正在加载", gone: "该力量单元已不在您的范围内。",
    sound: "声音与振动：轻触一次以允许", sound_ok: "声音已允许", duty_on: "上岗", duty_off: "下岗", note_label: "备注", revoked: "您的提醒已结束。", storage: "此浏览器无法保存内容：无网络时按下的内容会在关闭页面后丢失。", shift: "{unit} 值勤", people: "{n} 人", moves_to: "请前往待命", waits_at: "在此待命", post_of: "{to} 的驻点", move_done: "到达后请按“{status}”。途中也可能被派出。",
  },
} as const;
export type Language = keyof typeof WORDS;
export type Word = keyof (typeof WORDS)["en"];
