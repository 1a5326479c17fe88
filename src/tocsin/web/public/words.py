"""The words of the residents' pages, in both languages side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # -- every page
    "skip": ("Skip to the content", "跳到正文"),
    "language": ("Language", "语言"),
    "never": (
        "This service does not identify, follow, rank or profile members of the public.",
        "本服务不识别、不跟踪、不评级、不画像任何公众成员。",
    ),
    "danger": ("Is somebody in danger now? Call", "有人正处于危险中？请拨打"),
    "back_front": ("Back to the start", "返回首页"),
    "problem": ("That did not work", "未能完成"),
    "wait_s": ("Try again in {s} seconds.", "请在 {s} 秒后重试。"),
    "kept_hint": (
        "If you were filling in a form, go back in your browser: nothing was sent.",
        "如果您正在填写表单，请用浏览器返回：内容尚未提交。",
    ),
    "error_prefix": ("Error: ", "有误："),
    "errors_title": ("Please look at this", "请检查以下内容"),
    # -- front door
    "front": (
        "Tell the town what is wrong. It answers with a promised time.",
        "告诉我们哪里有问题，我们会给出承诺办结时间。",
    ),
    "front_report": ("Report a problem", "上报问题"),
    "front_report_soft": (
        "Three short steps. No account, and you need not give your name.",
        "三个简短步骤，无需账户，可以不留姓名。",
    ),
    "front_follow": ("Follow your report", "查询您的上报"),
    "front_follow_soft": ("With the code on your receipt.", "使用回执上的查询码。"),
    "front_published": ("What others reported", "公开的案件"),
    "front_published_soft": (
        "Published cases, by neighbourhood. No names, no words of reporters.",
        "按片区显示已公开的案件，不含姓名和上报内容。",
    ),
    "staff": ("For staff: the console", "工作人员入口"),
    "apps": ("For apps: Open311 and the API", "应用接入：Open311 与接口说明"),
    # -- report: steps
    "report": ("Report a problem", "上报问题"),
    "step": ("Step {n} of 3", "第 {n} 步，共 3 步"),
    "next": ("Continue", "继续"),
    "back": ("Back", "返回"),
    "send": ("Send the report", "提交上报"),
    "closed": ("This form is closed", "此表单未开放"),
    "closed_text": (
        "This town takes reports from registered apps and by telephone only.",
        "本地只接受已登记应用和电话上报。",
    ),
    "text": ("What is wrong?", "哪里有问题？"),
    "text_hint": (
        "Say what you see, in your own words. Please do not write about people by name.",
        "请用自己的话描述您看到的情况，请不要写出他人姓名。",
    ),
    "photo": ("Photo, if you have one", "照片（可选）"),
    "photo_hint": (
        "JPEG, PNG or WebP, up to {mb} MB each, at most {n}. Place and time inside the file are"
        " removed. Only people who handle the report see it.",
        "JPEG、PNG 或 WebP，每张不超过 {mb} MB，最多 {n} 张。文件中的位置和时间信息会被删除，"
        "仅办理人员可见。",
    ),
    "photo_add": ("Add this photo, and another one", "添加此照片并继续添加"),
    "photo_kept": ("Photo {n} is attached", "照片 {n} 已添加"),
    "photo_drop": ("Remove photo {n}", "移除照片 {n}"),
    "photo_full": ("{n} photos are attached; that is the most.", "已添加 {n} 张照片，已达上限。"),
    "photo_sending": ("Sending the photo:", "正在上传照片："),
    "photo_lost": (
        "Not sent: the line to the town is down. Your text and your photo are still here. Try"
        " again when the line is back.",
        "未发送：与服务器的连接已断开。文字和照片仍在此页，恢复后请重试。",
    ),
    # -- emergency
    "emergency": ("Call now", "请立即拨打电话"),
    "emergency_text": (
        "What you wrote sounds like an emergency. A form is too slow for it. Call, and say where"
        " you are.",
        "您描述的情况可能是紧急情况，填表太慢。请拨打电话，并说明您所在的位置。",
    ),
    "emergency_found": ("Because of: {words}", "依据：{words}"),
    "emergency_no": ("It is not an emergency: go on with the report", "不是紧急情况，继续上报"),
    "emergency_kept": ("What you typed is kept.", "您填写的内容已保留。"),
    "call": ("Call {number}", "拨打 {number}"),
    # -- where
    "where": ("Where is it?", "在哪里？"),
    "address": ("Address or place", "地址或地点"),
    "address_hint": (
        "A street and number, a crossing, or words such as “behind the school on Mill Street”.",
        "街道和门牌号、路口，或描述，例如“磨坊街学校后面”。",
    ),
    "map_hint": ("Or tap the place on the map.", "也可以在地图上点选位置。"),
    "map_taken": (
        "The place on the map is taken. Tap another one to change it.",
        "已选定地图上的位置，可点选其他位置更改。",
    ),
    "map_middle": ("Take the middle of the map", "选定地图中心"),
    "map_clear": ("Take no place on the map", "取消地图位置"),
    "kind": ("What kind of matter is it?", "属于哪一类？"),
    "kind_hint": (
        "Chosen from your words, the likeliest first. It decides who gets it.",
        "根据您的描述推荐，最可能的排在最前。分类决定由谁办理。",
    ),
    "kind_other": ("Something else:", "其他："),
    "kind_choose": ("Choose from all kinds", "从全部类型中选择"),
    "contact": ("May we reach you? (not needed)", "可以联系您吗？（可不填）"),
    "contact_hint": (
        "Kept sealed. Whoever opens it must say why, and that is recorded.",
        "加密保存。查看者必须说明用途，并留有记录。",
    ),
    "name": ("Name", "姓名"),
    "phone": ("Telephone", "电话"),
    "email": ("Email", "电子邮箱"),
    "publish": ("May it be shown to others?", "可以公开吗？"),
    "publish_hint": (
        "Staff decide case by case. Here only the kind, the neighbourhood and the state are shown,"
        " never your name or contact. The town's open data (Open311) may also carry your"
        " description and address. You can change your mind with your code.",
        "由工作人员逐件决定。本站只显示类型、片区和状态，绝不显示您的姓名或联系方式；"
        "开放数据（Open311）可能包含您的描述和地址。您可凭查询码随时更改。",
    ),
    "publish_yes": ("Yes, it may be published", "同意公开"),
    "publish_no": ("No", "不同意"),
    # -- check
    "check": ("Check and send", "核对并提交"),
    "questions": ("A few questions about it", "几个相关问题"),
    "optional": ("(not needed)", "（可不填）"),
    "choose": ("Choose", "请选择"),
    "spot": ("Which of these is it?", "是以下哪个地点？"),
    "spot_none": ("None of these: use my words", "都不是，按我的描述"),
    "summary": ("What you send", "提交内容"),
    "photos": ("Photos", "照片"),
    "photos_n": ("{n} attached", "已添加 {n} 张"),
    "none": ("none", "无"),
    "change_words": ("Change the words", "修改描述"),
    "change_where": ("Change the place", "修改地点"),
    "on_map": ("The place on the map", "地图上的位置"),
    # -- errors
    "e_text": ("Say what is wrong.", "请描述哪里有问题。"),
    "e_text_long": (
        "The description is longer than {n} characters. Shorten it a little.",
        "描述超过 {n} 个字符，请适当缩短。",
    ),
    "e_bad_text": (
        "The text holds characters that cannot be kept. Type it again without them.",
        "内容含有无法保存的字符，请重新输入。",
    ),
    "e_photo_too_large": (
        "The photo is larger than {mb} MB. Choose a smaller one, or go on without it.",
        "照片超过 {mb} MB，请换一张较小的，或不添加照片继续。",
    ),
    "e_photo_type": (
        "The photo cannot be read. Choose a JPEG, PNG or WebP file.",
        "无法读取照片，请选择 JPEG、PNG 或 WebP 文件。",
    ),
    "e_photo_damaged": (
        "The photo is cut off or damaged. Choose it again or take another one.",
        "照片不完整或已损坏，请重新选择或另拍一张。",
    ),
    "e_photo_busy": (
        "No photo can be taken in at the moment. Try again, or go on without it.",
        "目前无法接收照片，请重试，或不添加照片继续。",
    ),
    "e_photo_gone": (
        "Your photos waited too long and are gone. Add them again, or send without them.",
        "照片等待时间过长，已被清除。请重新添加，或不带照片提交。",
    ),
    "e_address": (
        "Say where it is: an address, a crossing or a few words.",
        "请说明位置：地址、路口或简短描述。",
    ),
    "e_line_long": ("This is longer than {n} characters.", "此项超过 {n} 个字符。"),
    "e_outside": (
        "This place lies outside the area this town answers for (nearest: {near}). Check the"
        " address, or report it to the town it lies in.",
        "该地点不在本地辖区内（最近：{near}）。请核对地址，或向当地部门上报。",
    ),
    "e_kind": ("Choose what kind of matter it is.", "请选择类型。"),
    "e_two_kinds": (
        "You chose one kind above and another from the list. Keep one of them.",
        "您在上方和列表中选择了不同的类型，请只保留一个。",
    ),
    "e_answer": ("Answer this question: {label}", "请回答：{label}"),
    "e_answer_bad": ("This answer does not fit the question: {label}", "该回答不符合要求：{label}"),
    "e_sent_already": (
        "You sent this report already, with other words or photos. Press “Send” once more to send"
        " it as a new report.",
        "您已提交过这份上报（内容或照片不同）。如需作为新的上报提交，请再按一次“提交”。",
    ),
    # -- receipt
    "receipt": ("Your report", "您的上报"),
    "thanks": ("Thank you. We have your report.", "谢谢，我们已收到您的上报。"),
    "your_code": ("Your code", "您的查询码"),
    "code_hint": (
        "Write it down or print this page. With it, and only with it, you can see how your report"
        " stands, answer questions and say whether it is solved. We cannot find it for you: the"
        " code is not kept together with your name.",
        "请抄下或打印此页。凭此码（且只能凭此码）可查询进展、答复提问、反馈是否解决。"
        "我们无法代您找回：查询码不与您的姓名一起保存。",
    ),
    "promised": ("Promised by", "承诺办结时间"),
    "come_back": ("How to come back", "如何查询"),
    "come_back_text": ("Open {address} and type the code.", "打开 {address} 并输入查询码。"),
    "see_state": ("See how it stands", "查看进展"),
    "another": ("Report something else", "再上报一个问题"),
    # -- follow
    "follow": ("Follow your report", "查询您的上报"),
    "code": ("Code on your receipt", "回执上的查询码"),
    "code_form": (
        "Twelve letters and digits. Dashes, blanks and small letters do not matter.",
        "共 12 位字母和数字，连字符、空格和大小写不影响。",
    ),
    "look": ("Look it up", "查询"),
    "e_code": (
        "There is no report with this code. Check its letters: it has no 0, 1, I, L, O or U.",
        "没有与该查询码对应的上报。请核对：查询码不含 0、1、I、L、O、U。",
    ),
    "state": ("How it stands", "当前状态"),
    "reported_at": ("Reported", "上报时间"),
    "moved": ("The promised time moved", "承诺时间有调整"),
    "moved_line": (
        "On {at}: from {was} to {now}. Reason: {why}",
        "{at}：由 {was} 调整为 {now}。原因：{why}",
    ),
    "proof": ("How we know that it is done", "办结依据"),
    "proof_colleague": (
        "Somebody who did not do the work looked at it on {at} and saw that it is done.",
        "{at}，由未参与处置的工作人员现场核查，确认已办结。",
    ),
    "proof_photo": (
        "They took a photo. It is kept sealed with the case.",
        "已拍照，照片密封保存在案件中。",
    ),
    "proof_reporter": ("You confirmed it yourself on {at}.", "{at}，由您本人确认。"),
    "openings": ("Who opened what you sent", "谁查看过您提交的内容"),
    "openings_hint": (
        "What you sent is locked. Each opening is written down before anybody sees a word.",
        "您提交的内容是加密保存的，任何人查看之前都会先留下记录。",
    ),
    "opening_line": ("{who}: {fields}. {why}.", "{who}：{fields}。{why}。"),
    "opening_and": (", ", "、"),
    "opening_two": ("A second person agreed.", "已经第二人同意。"),
    "no_openings": ("Nobody has opened it so far.", "目前无人查看。"),
    "proof_other": ("Its reporter confirmed it on {at}.", "{at}，由报告人确认。"),
    "messages": ("Messages to you", "给您的消息"),
    "no_messages": ("None yet.", "暂无。"),
    "question": ("A question for you", "需要您答复的问题"),
    "answer": ("Your answer", "您的答复"),
    "answer_send": ("Send the answer", "提交答复"),
    "e_answer_empty": ("Type your answer first.", "请先填写答复。"),
    "answered": ("Thank you. Your answer has arrived.", "谢谢，您的答复已收到。"),
    "solved": ("Is it solved? Were you treated well?", "解决了吗？对服务满意吗？"),
    "solved_hint": (
        "One tap. “Not solved” brings it back to work.",
        "点选一项即可。选择“未解决”将重新办理。",
    ),
    "vote_11": ("Solved, and treated well", "已解决，服务满意"),
    "vote_10": ("Solved, but not treated well", "已解决，服务不满意"),
    "vote_01": ("Not solved, but treated well", "未解决，服务满意"),
    "vote_00": ("Not solved, and not treated well", "未解决，服务不满意"),
    "vote_said": ("You said: {vote}.", "您的反馈：{vote}。"),
    "vote_again": ("You can change it:", "您可以更改："),
    "comment": ("A word to us, if you like", "补充说明（可选）"),
    "voted": ("Thank you. We have your answer.", "谢谢，您的反馈已收到。"),
    "voted_open": (
        "Thank you. It is not solved, so it goes back to work.",
        "谢谢。因未解决，案件已重新办理。",
    ),
    "consent": ("Publication", "公开"),
    "consent_yes": ("You agreed that it may be published.", "您已同意公开。"),
    "consent_no": ("You did not agree to publication.", "您未同意公开。"),
    "consent_give": ("Agree to publication", "同意公开"),
    "consent_take": ("Take my agreement back", "撤回同意"),
    "consented": ("Changed. It counts from now on.", "已更改，即时生效。"),
    "print_hint": ("You can print this page.", "您可以打印此页。"),
    # -- published
    "published": ("What others reported", "公开的案件"),
    "published_soft": (
        "Cases that staff published with the reporter's agreement. Places are neighbourhoods, never"
        " addresses.",
        "经报告人同意、由工作人员公开的案件。地点为片区，不显示地址。",
    ),
    "published_map": (
        "Map of published cases by neighbourhood. The list below says the same.",
        "按片区显示公开案件的地图，下方列表内容相同。",
    ),
    "published_none": ("Nothing is published yet.", "暂无公开的案件。"),
    "case": ("Case", "案件"),
    "kind_short": ("Kind", "类型"),
    "area": ("Neighbourhood", "片区"),
    "opened": ("Opened", "立案日期"),
    "closed_on": ("Closed", "办结日期"),
    "older": ("Older ones", "更早的"),
    "newest": ("Newest ones", "最新的"),
    "area_unknown": ("not located yet", "尚未定位"),
    "not_published": (
        "There is no published case at this address. It may have been taken back.",
        "该地址没有公开的案件，可能已被撤回。",
    ),
    "all_published": ("All published cases", "全部公开的案件"),
}

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {key: both[0] for key, both in _TEXTS.items()},
    "zh-CN": {key: both[1] for key, both in _TEXTS.items()},
}
