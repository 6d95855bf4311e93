// Delivers the ratings of the outbox. Each is stored once, however often it is sent.
//
// Every attempt to send a rating carries the same submission_id, so the server stores one row. There are
// three kinds of failure:
//   certainly not sent   no network, a refused domain, a failed login: the entry waits and stays editable
//   refused              our server's failure string: nothing was stored; the content is editable
//   perhaps stored       no reply, 5xx, the page of a captive portal: the content is locked, because the same
//                        id with other content would be a conflict (409), and a new id a second rating
const consent = require("./consent");
const forms = require("./form");
const log = require("./log");
const login = require("./login");
const outbox = require("./outbox");
const receipts = require("./receipts");
const scale = require("./scale");
const { request, retryAfter, retryText } = require("./request");

const SUCCESS = "数据提交成功";
const FAILURE = "数据提交失败";
const FIELDS = ["acc_nbr", "grade1", "grade2", "grade3", "txt1", "txt2", "txt3"];

// Failures before sending: the cause. The rest of the sentence depends on earlier attempts.
const NOT_SENT_CAUSES = {
  offline: "手机没有连上网络",
  domain: "小程序尚未配置服务器域名",
  unreachable: "连接不上服务器",
  certificate: "无法与服务器建立安全连接",
  address: "小程序里的服务器地址不正确",
  interrupted: "小程序切到了后台",
};
const PERHAPS_SENT_TEXTS = {
  timeout: "等了很久没有得到回应，不能确定是否已送达。请再次提交，不会重复记录。",
  interrupted: "小程序切到后台时发送被中断，不能确定是否已送达。请再次提交，不会重复记录。",
  network: "网络中断，不能确定是否已送达。请检查网络后再次提交，不会重复记录。",
};

const ENDS_WITH_THE_NETWORK = ["offline", "unreachable", "interrupted"];

function notSentText(cause, wasUnconfirmed, advice) {
  return wasUnconfirmed
    ? `${cause}，这一次没有发出。上一次可能已经送达，再次提交不会重复记录。`
    : `${cause}，评价还没有发出。${advice}`;
}

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
  if (reply.status === 429) return { state: "waiting", text: `提交太频繁，${retryText(reply.headers)}再次提交。` };
  if (reply.status === 401) {
    return { state: "waiting", text: "需要微信登录后才能评价，登录没有成功。请再次提交。" };
  }
  if (reply.status === 413) return { state: "refused", text: "内容太长，请缩短意见后再提交。" };
  if (reply.status === 409) {
    return field === "submission_id"
      ? { state: "refused", text: "这份评价的编号已用于另一份内容，可以作为另一份评价提交。", conflict: true }
      : { state: "refused", text: "这次服务您已经评价过，每次服务只能评价一次。", alreadyRated: true };
  }
  if (FIELDS.indexOf(field) >= 0) {
    const fieldText = fieldErrorText(reason);
    return { state: "refused", text: "有一项内容未通过校验，请修改后再提交。", field, fieldText };
  }
  return { state: "refused", text: `评价未被接受（${reply.status}）。` };
}

// {delivered: true, toast}, or {state, text, …} for a failure.
function outcomeOf(reply) {
  // A captive portal can send any status and any string; only both together are our server's success.
  if (reply.status === 200 && reply.data === SUCCESS) return { delivered: true, toast: reply.data };
  if (reply.status >= 400 && reply.status < 500 && reply.data === FAILURE) return refusalOutcome(reply);
  if (reply.status === 503) {
    return { state: "unconfirmed", text: `服务器暂时无法保存，${retryText(reply.headers)}再次提交，不会重复记录。` };
  }
  if (reply.status >= 500) {
    return { state: "unconfirmed", text: `服务器出错了（${reply.status}）。请稍后再次提交，不会重复记录。` };
  }
  return {
    state: "unconfirmed",
    text: "收到的内容不是来自评分服务器，当前网络可能要先登录才能使用。请换个网络后再次提交，不会重复记录。",
  };
}

function failureOutcome({ reason, isSent }, wasUnconfirmed) {
  const advice = ENDS_WITH_THE_NETWORK.indexOf(reason) >= 0 ? "联网后打开小程序会自动发送。" : "请稍后再次提交。";
  return {
    state: isSent ? "unconfirmed" : "waiting",
    reason,
    text: isSent ? PERHAPS_SENT_TEXTS[reason] : notSentText(NOT_SENT_CAUSES[reason], wasUnconfirmed, advice),
    isNetworkDown: true,
  };
}

function post(entry, session) {
  return request("POST", "/score", {
    headers: login.authorization(session),
    data: {
      acc_nbr: entry.acc_nbr,
      grade1: entry.grades[0],
      grade2: entry.grades[1],
      grade3: entry.grades[2],
      txt1: entry.remarks[0],
      txt2: entry.remarks[1],
      txt3: entry.remarks[2],
      submission_id: entry.id,
    },
  });
}

const asksForLogin = (reply) => reply.status === 401 && /^login:/.test(reply.headers["x-score-error"] || "");

// Resolves to the session to send with, or to null if the server accepts ratings without one.
function sessionFor(form) {
  if (!form.wechat_login) return Promise.resolve(null);
  return login.session().catch((error) => (form.wechat_login_required ? Promise.reject(error) : null));
}

let latest = null;
let notBefore = 0; // the server asked for patience until then

// The last delivered rating, for the thank-you page: {id, acc_nbr, isLow, toast, isReceiptLost, isNew},
// or null.
const lastDelivered = () => latest;

function settle(entry, wasUnconfirmed, form, outcome, headers) {
  if (outcome.delivered) {
    latest = {
      id: entry.id,
      acc_nbr: entry.acc_nbr,
      isLow: entry.grades.some((grade) => scale.isLow(form, grade)),
      toast: outcome.toast,
      isReceiptLost: false,
      isNew: true, // no page has shown it yet
    };
    outbox.remove(entry.id); // first: a full storage then has space for the receipt
    latest.isReceiptLost = !receipts.add(entry.acc_nbr, headers["x-grade-receipt"]);
    return;
  }
  const wait = retryAfter(headers || {});
  if (wait) notBefore = Date.now() + wait * 1000;
  // An attempt that was not accepted now says nothing about an earlier one that perhaps arrived.
  if (outcome.state === "waiting" && wasUnconfirmed) outcome.state = "unconfirmed";
  outbox.update(entry.id, { state: outcome.state, note: outcome.state === "refused" ? outcome.text : "" });
  log.warn("delivery", outcome.reason || outcome.state);
}

const inFlight = {}; // id: the promise of its outcome

const isSending = (id) => Boolean(inFlight[id]);

function send(id, session, form, wasUnconfirmed) {
  const entry = outbox.get(id);
  if (!entry) {
    delete inFlight[id];
    return { state: "deleted", text: "这份评价已删除，没有发送。" };
  }
  // Stored before it is sent: the app may be closed before the reply comes.
  outbox.save(Object.assign(entry, { state: "unconfirmed", note: "", submitted: entry.submitted || Date.now() }));
  return post(entry, session)
    .then((reply) => {
      if (!asksForLogin(reply)) return reply;
      return login.renew().then(
        (token) => post(entry, token),
        () => (form.wechat_login_required ? reply : post(entry, null)),
      );
    })
    .then(
      (reply) => [outcomeOf(reply), reply.headers],
      (error) => [failureOutcome(error, wasUnconfirmed), {}],
    )
    .then(([outcome, headers]) => {
      delete inFlight[id]; // before the change that the pages follow
      settle(entry, wasUnconfirmed, form, outcome, headers);
      return outcome;
    });
}

// Sends an entry of the outbox. Resolves to {delivered: true, toast} or to a failure: {state, text}, and
// optionally {field, fieldText} (the invalid field), {conflict} (the id has other content) or {alreadyRated}.
// An entry that is being sent is not sent a second time.
function deliver(id, form) {
  if (inFlight[id]) return inFlight[id];
  const wasUnconfirmed = outbox.isLocked(outbox.get(id));
  inFlight[id] = sessionFor(form)
    .then(
      (session) => send(id, session, form, wasUnconfirmed),
      (error) => {
        delete inFlight[id];
        const state = wasUnconfirmed ? "unconfirmed" : "waiting";
        const { submitted } = outbox.get(id) || {};
        outbox.update(id, { state, submitted: submitted || Date.now() });
        log.warn("delivery", "login");
        return { state, text: notSentText(error.text, wasUnconfirmed, "请再次提交。"), isNetworkDown: true };
      },
    );
  return inFlight[id];
}

let resending = null;

// Sends the submitted entries again, one after another. Without the customer's consent nothing is sent.
function resendAll() {
  if (resending || Date.now() < notBefore) return;
  const due = outbox.all().filter((entry) => outbox.isResendable(entry));
  if (!due.length) return;
  const next = () => {
    const entry = due.shift();
    const current = entry && outbox.get(entry.id);
    if (!entry) return null;
    if (!current || !outbox.isResendable(current)) return next();
    return deliver(entry.id, forms.cached()).then((outcome) => (outcome.isNetworkDown ? null : next()));
  };
  const finish = () => {
    resending = null;
  };
  resending = consent
    .pendingRequest()
    .then((consentRequest) => (consentRequest ? null : next()))
    .then(finish, finish);
}

module.exports = { deliver, isSending, lastDelivered, resendAll };
