export const words = {
  en: {
    p1: "Priority 1, emergency", p2: "Priority 2", p3: "Priority 3", p4: "Priority 4",
    close: "Close", cancel: "Cancel", keys: "Keys on this screen", live: "live", lost: "line lost",
    lost_long: "The line to the node is down since {at}. What is on the screen may be old; what was missed arrives on return.",
    board: "Board", wall: "Wall", roster: "Roster", tests: "Weekly tests", sight: "Second person", redactions: "Before the public", holds: "Legal holds", scorecard: "Alarm quality", new: "New report", account: "My account", accounts: "Accounts", sign_out: "Sign out", language: "中文",
    theme: "Light or dark", sound_on: "Sound is on", sound_off: "Sound is off", help: "All keys", offline: "Not sent: the line to the node is down. Your text is kept; send it again when the line is back.",
    failed: "Something went wrong on this screen.", loading: "Loading", menu: "Main",
    not_yours: "Not for your role", not_yours_long: "None of your roles uses this screen. If your work needs it, ask an administrator of the node.", to_home: "To your first screen",
  },
  "zh-CN": {
    p1: "一级，紧急", p2: "二级", p3: "三级", p4: "四级",
    close: "关闭", cancel: "取消", keys: "本界面的按键", live: "实时", lost: "连接中断",
    lost_long: "自 {at} 起与节点的连接中断。屏幕内容可能已过时；恢复后会补上错过的变化。",
    board: "工作台", wall: "大屏", roster: "排班", tests: "每周测试", sight: "第二人", redactions: "公开前确认", holds: "法定保全", scorecard: "告警质量", new: "新报告", account: "我的账户", accounts: "账户管理", sign_out: "退出登录", language: "English",
    theme: "浅色或深色", sound_on: "声音已开", sound_off: "声音已关", help: "全部按键", offline: "未发送：与节点的连接已断开。文字已保留，恢复后请再次发送。",
    failed: "此界面出现错误。", loading: "正在加载", menu: "主菜单",
    not_yours: "您的角色不使用此界面", not_yours_long: "您的任何角色都不使用此界面。如工作需要，请联系本节点的管理员。", to_home: "返回您的首个界面",
  },
} as const;
