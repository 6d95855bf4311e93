// One rating on its way: it arrives once, however often it is sent.
//
// Every send of a draft carries the same submission_id, so the server stores it once. Where no clear
// answer came (no network, timeout, 5xx, a page of somebody else's network) it may be stored already.
// The page then locks the content: the same id with other content would be refused (409), and another
// id would make a second rating. The customer sends it again as it is, or says that the changed one
// shall count as another rating and gets a new id (draft.asNew). A refusal by our server says that
// nothing was stored, and the content stays open for changes under its id.
const drafts = require("./draft");
const login = require("./login");
const receipts = require("./receipts");
const { request, whenToRetry } = require("./request");

const SUCCESS = "数据提交成功";
const FAILURE = "数据提交失败";
const KEPT = "填写的内容已保存在手机上。";
const FIELDS = ["acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3"];

const WORDS_OF_FAILED_REQUEST = {
  timeout: `等了很久没有得到回应，不能确定是否已送达。${KEPT}请再次提交，不会重复记录。`,
  domain: `小程序没有配置好服务器的域名，无法提交。${KEPT}`,
  network: `网络连接不上，不能确定是否已送达。${KEPT}请检查网络后再次提交，不会重复记录。`,
};

const WORDS_OF_FIELD = [
  [/out of range/, "分数不在可选范围内，请重新选择"],
  [/required/, "请填写这一项"],
  [/longer than|must have/, "长度不符合要求"],
  [/character/, "含有不能使用的字符"],
];

function wordsOfField(reason) {
  const known = WORDS_OF_FIELD.find((entry) => entry[0].test(reason));
  return known ? known[1] : "这一项没有被接受，请检查";
}

// What a refusal by our server (its own string, 4xx) means: nothing was stored.
function judgeRefusal(reply) {
  const parts = /^([a-z0-9_-]+): *(.*)$/.exec(reply.headers["x-score-error"] || "") || [];
  const field = parts[1];
  const reason = parts[2] || "";
  if (reply.status === 429) return { text: `提交太频繁，${whenToRetry(reply.headers)}再次提交。${KEPT}` };
  if (reply.status === 401) return { text: `需要微信登录后才能评价，登录没有成功。${KEPT}请再次提交。` };
  if (reply.status === 413) return { text: "内容太长，请缩短意见后再提交。" };
  if (reply.status === 409) {
    return field === "submission_id"
      ? { text: `这份评价的编号已用于另一份内容。${KEPT}`, conflict: true }
      : { text: "这次服务您已经评价过，每次服务只能评价一次。", rated: true };
  }
  if (FIELDS.indexOf(field) >= 0) {
    return { text: "有一项内容没有被接受，请改正后再提交。", field, fieldText: wordsOfField(reason) };
  }
  return { text: `评价没有被接受（${reply.status}）。${KEPT}` };
}

// {delivered: true, toast}, or {text, mayBeStored, …} for a failure.
function judge(reply) {
  // Any status and any string can come from a portal; success is our status and our string.
  if (reply.status === 200 && reply.data === SUCCESS) return { delivered: true, toast: reply.data };
  if (reply.status >= 400 && reply.status < 500 && reply.data === FAILURE) {
    return Object.assign({ mayBeStored: false }, judgeRefusal(reply));
  }
  if (reply.status === 503) {
    return {
      mayBeStored: true,
      text: `服务器暂时无法保存，${whenToRetry(reply.headers)}再次提交，不会重复记录。${KEPT}`,
    };
  }
  if (reply.status >= 500) {
    return { mayBeStored: true, text: `服务器出错了（${reply.status}）。${KEPT}请稍后再次提交，不会重复记录。` };
  }
  return {
    mayBeStored: true,
    text: `收到的不是评分服务器的回答，当前网络可能要先登录才能使用。${KEPT}请换个网络后再次提交，不会重复记录。`,
  };
}

function post(draft, session) {
  return request("POST", "/score", {
    headers: login.headerOf(session),
    data: {
      acc_nbr: draft.acc_nbr,
      grade1: draft.grades[0],
      grade2: draft.grades[1],
      grade3: draft.grades[2],
      txt1: draft.remarks[0],
      txt2: draft.remarks[1],
      txt3: draft.remarks[2],
      submission_id: draft.submission_id,
    },
  });
}

const wantsLogin = (reply) => reply.status === 401 && /^login:/.test(reply.headers["x-score-error"] || "");

// The session to send with, or null where it can do without.
function sessionFor(form) {
  if (!form.wechat_login) return Promise.resolve(null);
  return login.session().catch((error) => (form.wechat_login_required ? Promise.reject(error) : null));
}

function postAndJudge(draft, session, form) {
  const before = draft.may_be_stored;
  draft.may_be_stored = true; // and stored as such: the app may be closed before the answer comes
  drafts.save(draft);
  return post(draft, session)
    .then((reply) => {
      if (!wantsLogin(reply)) return reply;
      return login.fresh().then(
        (token) => post(draft, token),
        () => (form.wechat_login_required ? reply : post(draft, null)),
      );
    })
    .then(
      (reply) => {
        const outcome = judge(reply);
        if (outcome.delivered) receipts.add(draft.acc_nbr, reply.headers["x-grade-receipt"]);
        return outcome;
      },
      (error) => ({ mayBeStored: true, text: WORDS_OF_FAILED_REQUEST[error.reason] }),
    )
    .then((outcome) => {
      if (outcome.delivered) {
        drafts.remove(draft);
      } else {
        draft.may_be_stored = before || outcome.mayBeStored;
        drafts.save(draft);
      }
      return outcome;
    });
}

// Sends the draft. Resolves to {delivered: true, toast} or to a failure: {text} in words, and maybe
// {field, fieldText} (the field at fault), {conflict} (its id is taken) or {rated} (once is enough).
function deliver(draft, form) {
  return drafts
    .identify(draft)
    .then(() => sessionFor(form))
    .then(
      (session) => postAndJudge(draft, session, form),
      (error) => ({ text: `${error.text}，评价还没有发送。${KEPT}请再次提交。` }),
    );
}

module.exports = { deliver };
