export const words = {
  en: {
    title: "Words before the public", lead: "What nobody has confirmed is published with a gap for everything that was found.", waiting: "Wait for a person", none: "Nothing waits.", more: "Look further back", not_opened: "Open the words to decide. A permit and a record are written first.",
    open: "Open the words", as_told: "As it was told", as_read: "What the public reads", nothing_read: "Nothing", link: "Link that the reporter gave", decided: "Last decision: {what}", accepted: "accepted", edited: "edited", held: "held back",
    accept: "Accept the gaps", edit: "Change gaps", save: "Publish with these gaps", hold: "Hold back", kept: "Decided. The public reads it now.", kept_unpublished: "Decided. It holds when the case is published.",
    hint: "Arrow keys move, the blank makes or takes away a gap.", gap_on: "{word}, gap", found: "{n} found", changed: "The words were opened anew.", second: "A second person must agree first: {needs}.", asked: "Asked. Open again once somebody has agreed.", ask: "Ask a second person", reason: "Reason", next: "Next", previous: "Previous", case: "Look at the case",
  },
  "zh-CN": {
    title: "公开前的文字", lead: "未经人员确认的文字，公开时会遮盖所有识别出的内容。", waiting: "等待确认", none: "没有待确认的文字。", more: "继续查找更早的案件", not_opened: "请打开文字后决定。打开之前会先写入许可和记录。",
    open: "打开文字", as_told: "原文", as_read: "公众看到的内容", nothing_read: "无", link: "报告人提供的链接", decided: "上次决定：{what}", accepted: "已接受", edited: "已修改", held: "不公开",
    accept: "接受遮盖", edit: "修改遮盖", save: "按此遮盖公开", hold: "不公开", kept: "已决定，公众现在看到的是该内容。", kept_unpublished: "已决定，案件公开时生效。",
    hint: "方向键移动，空格键添加或取消遮盖。", gap_on: "{word}，已遮盖", found: "识别出 {n} 处", changed: "文字已重新打开。", second: "须先经第二人同意：{needs}。", asked: "已提出申请，有人同意后请再次打开。", ask: "请第二人同意", reason: "理由", next: "下一项", previous: "上一项", case: "查看案件",
  },
} as const;
