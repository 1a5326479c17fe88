export const words = {
  en: {
    title: "Second person", waiting: "Wait for a second person", none: "Nobody waits.", live: "Agreed and open now", denied: "Denied", asks_for: "{who} ({role}) wants to open: {purpose}", because: "Why two: {needs}. Reason given: {reason}.",
    approve: "Agree", deny: "Deny", yes_reason: "Why agree", no_reason: "Why not", mine: "Your own wish: somebody else decides.", until: "until {at}", end: "End now", second: "second person: {who}", open_case: "Look at the case", decided: "Decided and recorded.",
    break_glass: "Break-glass", glass_title: "Open a case that is not yours", glass_long: "Only when it can not wait. A second person must agree, it ends after 60 minutes, and it is shown to everybody, written into the case's story and told to supervisors and auditors.",
    case_id: "Id of the case", reason: "Reason", ask: "Ask a second person", asked: "Asked. As soon as somebody agrees it can be opened here.", show: "Show what is sealed", banner: "BREAK-GLASS", banner_one: "Case {case} is open to somebody from outside it until {at}: {reason}.",
    needed: "Needs a second person: {needs}.", waits_for: "Waits for a second person. Open again once somebody has agreed.", records: "Who opened what", at: "When", who: "Who", role: "Role", purpose: "What for", field: "Field", case: "Case",
  },
  "zh-CN": {
    title: "第二人同意", waiting: "等待第二人同意", none: "没有等待的申请。", live: "已同意，正在有效期内", denied: "未同意", asks_for: "{who}（{role}）申请查看：{purpose}", because: "需两人的原因：{needs}。申请理由：{reason}。",
    approve: "同意", deny: "不同意", yes_reason: "同意的理由", no_reason: "不同意的理由", mine: "这是您本人的申请，须由他人决定。", until: "至 {at}", end: "立即结束", second: "第二人：{who}", open_case: "查看案件", decided: "已决定并留下记录。",
    break_glass: "破窗查看", glass_title: "查看非本人承办的案件", glass_long: "仅限不能等待的情况。须经第二人同意，60 分钟后自动结束；所有人都会看到提示，案件经过中留有记录，并通知督办员和查阅审计员。",
    case_id: "案件编号", reason: "理由", ask: "请第二人同意", asked: "已提出申请，有人同意后即可在此查看。", show: "查看受保护内容", banner: "破窗查看", banner_one: "案件 {case} 正由案件以外人员查看，至 {at}：{reason}。",
    needed: "须经第二人同意：{needs}。", waits_for: "等待第二人同意。有人同意后请再次查看。", records: "查看记录", at: "时间", who: "人员", role: "角色", purpose: "用途", field: "内容", case: "案件",
  },
} as const;
