export const words = {
  en: {
    title: "Words and photos before the public", lead: "Words that nobody has confirmed are published with a gap for everything that was found. Photos and links that nobody has released are not shown at all.", waiting: "Wait for a person", none: "Nothing waits.", more: "Look further back", not_opened: "Open words and photos to decide. A permit and a record are written first.",
    open: "Open words and photos", as_told: "As it was told", as_read: "What the public reads", nothing_read: "Nothing", link: "Link that the reporter gave", decided: "Last decision: {what}", accepted: "accepted", edited: "edited", held: "held back",
    accept: "Accept the gaps", edit: "Change gaps", save: "Publish with these gaps", hold: "Hold back", kept: "Decided. The public reads it now.", kept_unpublished: "Decided. It holds when the case is published.",
    hint: "Arrow keys move, the blank makes or takes away a gap.", gap_on: "{word}, gap", found: "{n} found", changed: "The words were opened anew.", second: "A second person must agree first: {needs}.", asked: "Asked. Open again once somebody has agreed.", ask: "Ask a second person", reason: "Reason", next: "Next", previous: "Previous", case: "Look at the case",
    words_wait: "words", photos_wait: "photos: {n}", photos: "Photos", photos_lead: "Look for faces, number plates, doors with names, screens and papers. A photo is shown as it is or not at all.", photo_n: "Photo {n}", photo_waits: "waits, the public does not see it", photo_released: "released", photo_held: "held back", photo_release: "Release the photo", photo_hold: "Hold the photo back", photo_out: "Released. The public sees the photo now.", photo_out_later: "Released. The public sees the photo when the case is published.", photo_kept_back: "Held back. The public does not see the photo.",
  },
  "zh-CN": {
    title: "公开前的文字和照片", lead: "未经人员确认的文字，公开时会遮盖所有识别出的内容；未经人员同意的照片和链接一律不公开。", waiting: "等待确认", none: "没有待确认的文字或照片。", more: "继续查找更早的案件", not_opened: "请打开文字和照片后决定。打开之前会先写入许可和记录。",
    open: "打开文字和照片", as_told: "原文", as_read: "公众看到的内容", nothing_read: "无", link: "报告人提供的链接", decided: "上次决定：{what}", accepted: "已接受", edited: "已修改", held: "不公开",
    accept: "接受遮盖", edit: "修改遮盖", save: "按此遮盖公开", hold: "不公开", kept: "已决定，公众现在看到的是该内容。", kept_unpublished: "已决定，案件公开时生效。",
    hint: "方向键移动，空格键添加或取消遮盖。", gap_on: "{word}，已遮盖", found: "识别出 {n} 处", changed: "文字已重新打开。", second: "须先经第二人同意：{needs}。", asked: "已提出申请，有人同意后请再次打开。", ask: "请第二人同意", reason: "理由", next: "下一项", previous: "上一项", case: "查看案件",
    words_wait: "文字", photos_wait: "照片 {n} 张", photos: "照片", photos_lead: "请留意人脸、车牌、门牌姓名、屏幕和文件。照片或原样公开，或不公开。", photo_n: "照片 {n}", photo_waits: "待确认，公众不可见", photo_released: "已同意公开", photo_held: "不公开", photo_release: "公开照片", photo_hold: "不公开照片", photo_out: "已同意，公众现在可看到该照片。", photo_out_later: "已同意，案件公开后公众可看到该照片。", photo_kept_back: "不公开，公众看不到该照片。",
  },
} as const;
