// Delivers one rating. It is stored once, however often it is sent.
//
// Every attempt to send a draft carries the same submission_id, so the server stores one row. After an
// unclear result (no network, timeout, 5xx, the page of a captive portal) the server may have stored the
// rating. The page then locks the content: the same id with other content would be a conflict (409), and
// a new id would store a second rating. The customer sends it again unchanged, or chooses to send the
// changed content as another rating with a new id (draft.resetId). A refusal by our server means that
// nothing was stored, so the content stays editable under its id.
const drafts = require("./draft");
const login = require("./login");
const receipts = require("./receipts");
const { request, retryText } = require("./request");

const SUCCESS = "数据提交成功";
const FAILURE = "数据提交失败";
const KEPT = "填写的内容已保存在手机上。";
const FIELDS = ["acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3"];

const REQUEST_ERROR_TEXTS = {
  timeout: `等了很久没有得到回应，不能确定是否已送达。${KEPT}请再次提交，不会重复记录。`,
  domain: `小程序尚未配置服务器域名，暂时无法提交。${KEPT}`,
  network: `网络连接不上，不能确定是否已送达。${KEPT}请检查网络后再次提交，不会重复记录。`,
};

const FIELD_ERROR_TEXTS = [
  [/out of range/, "分数不在可选范围内，请重新选择"],
  [/required/, "请填写这一项"],
  [/longer than|must have/, "长度不符合要求"],
  [/character/, "含有不能使用的字符"],
];

function fieldErrorText(reason) {
  const entry = FIELD_ERROR_TEXTS.find(([pattern]) => pattern.test(reason));
  return entry ? entry[1] : "这一项未通过校验，请检查";
}

// The outcome of a refusal by our server (4xx with its failure string): nothing was stored.
function refusalOutcome(reply) {
  const parts = /^([a-z0-9_-]+): *(.*)$/.exec(reply.headers["x-score-error"] || "") || [];
  const field = parts[1];
  const reason = parts[2] || "";
  if (reply.status === 429) return { text: `提交太频繁，${retryText(reply.headers)}再次提交。${KEPT}` };
  if (reply.status === 401) return { text: `需要微信登录后才能评价，登录没有成功。${KEPT}请再次提交。` };
  if (reply.status === 413) return { text: "内容太长，请缩短意见后再提交。" };
  if (reply.status === 409) {
    return field === "submission_id"
      ? { text: `这份评价的编号已用于另一份内容。${KEPT}`, conflict: true }
      : { text: "这次服务您已经评价过，每次服务只能评价一次。", alreadyRated: true };
  }
  if (FIELDS.indexOf(field) >= 0) {
    return { text: "有一项内容未通过校验，请修改后再提交。", field, fieldText: fieldErrorText(reason) };
  }
  return { text: `评价未被接受（${reply.status}）。${KEPT}` };
}

// {delivered: true, toast}, or {text, mayBeStored, …} for a failure.
function outcomeOf(reply) {
  // A captive portal can send any status and any string; only both together are our server's success.
  if (reply.status === 200 && reply.data === SUCCESS) return { delivered: true, toast: reply.data };
  if (reply.status >= 400 && reply.status < 500 && reply.data === FAILURE) {
    return Object.assign({ mayBeStored: false }, refusalOutcome(reply));
  }
  if (reply.status === 503) {
    return {
      mayBeStored: true,
      text: `服务器暂时无法保存，${retryText(reply.headers)}再次提交，不会重复记录。${KEPT}`,
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
    headers: login.authorization(session),
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

const asksForLogin = (reply) => reply.status === 401 && /^login:/.test(reply.headers["x-score-error"] || "");

// Resolves to the session to send with, or to null if the server accepts ratings without one.
function sessionFor(form) {
  if (!form.wechat_login) return Promise.resolve(null);
  return login.session().catch((error) => (form.wechat_login_required ? Promise.reject(error) : null));
}

function send(draft, session, form) {
  const mightBeStored = draft.may_be_stored;
  // Saved before sending: the app may be closed before the reply comes.
  draft.may_be_stored = true;
  drafts.save(draft);
  return post(draft, session)
    .then((reply) => {
      if (!asksForLogin(reply)) return reply;
      return login.renew().then(
        (token) => post(draft, token),
        () => (form.wechat_login_required ? reply : post(draft, null)),
      );
    })
    .then(
      (reply) => {
        const outcome = outcomeOf(reply);
        if (outcome.delivered) receipts.add(draft.acc_nbr, reply.headers["x-grade-receipt"]);
        return outcome;
      },
      (error) => ({ mayBeStored: true, text: REQUEST_ERROR_TEXTS[error.reason] }),
    )
    .then((outcome) => {
      if (outcome.delivered) {
        drafts.remove(draft);
      } else {
        draft.may_be_stored = mightBeStored || outcome.mayBeStored;
        drafts.save(draft);
      }
      return outcome;
    });
}

// Sends the draft. Resolves to {delivered: true, toast} or to a failure: {text}, and optionally
// {field, fieldText} (the invalid field), {conflict} (the id has other content) or {alreadyRated}.
function deliver(draft, form) {
  return drafts
    .assignId(draft)
    .then(() => sessionFor(form))
    .then(
      (session) => send(draft, session, form),
      (error) => ({ text: `${error.text}，评价还没有发送。${KEPT}请再次提交。` }),
    );
}

module.exports = { deliver };
