const consent = require("../../consent");
const forms = require("../../form");
const login = require("../../login");
const receipts = require("../../receipts");
const scale = require("../../scale");
const { request, retryText } = require("../../request");

function decodeOption(option) {
  try {
    return decodeURIComponent(option || "");
  } catch (error) {
    return option;
  }
}

// The stars of a grade. A range without stars has none.
const stars = (value, answer) =>
  scale
    .values(answer)
    .filter((star) => star > 0)
    .map((star) => ({ key: star, isFull: star <= value }));

// The page's data of a rating. The time is in the server's time zone: "2026-11-22 16:54".
function ratingData(rating, answer, form, index) {
  return {
    key: index,
    time: String(rating.time).slice(0, 16).replace("T", " "),
    grades: rating.grades.map((value, key) => ({
      key,
      label: answer.grade_labels[key],
      value,
      stars: stars(value, answer),
      text: [`${value} 分`].concat(scale.wordFor(answer, value) || []).join("，"),
    })),
    remarks: rating.remarks
      .map((text, key) => ({ key, prompt: form.remark_prompts[key], text }))
      .filter((remark) => remark.text),
  };
}

Page({
  data: {
    state: "loading", // or "refused", "failed", "empty", "accounts", "ratings"
    accNbr: "",
    accounts: [],
    ratings: [],
    more: false,
    failure: "",
    form: forms.cached(),
    canLogIn: false,
    consent: null,
  },

  onLoad(options) {
    this.setData({ accNbr: decodeOption(options.phonenum || options.acc_nbr) });
    this.load();
  },

  onUnload() {
    this.isUnloaded = true;
  },

  // Sets data unless the page is closed.
  update(data) {
    if (!this.isUnloaded) this.setData(data);
  },

  load() {
    this.update({ state: "loading" });
    return Promise.all([forms.refresh(), consent.pendingRequest()]).then(([form, consentRequest]) => {
      this.update({ form, consent: consentRequest });
      const session = login.stored();
      if (session || !form.wechat_login || consentRequest) return this.showAccount(session);
      return login.session().then(
        (token) => this.showAccount(token),
        () => this.showAccount(null),
      );
    });
  },

  // Shows the ratings of the account, or a choice if the phone has receipts of several accounts.
  showAccount(session) {
    this.update({ canLogIn: this.data.form.wechat_login && !session });
    if (this.data.accNbr) return this.readRatings(session);
    return this.findAccounts(session).then((accounts) => {
      if (accounts.length === 1) {
        this.update({ accNbr: accounts[0] });
        return this.readRatings(session);
      }
      const emptyState = this.data.canLogIn ? "refused" : "empty";
      return this.update({ accounts, state: accounts.length ? "accounts" : emptyState });
    });
  },

  // The accounts rated from this phone, and from the same customer's other phones if there is a session.
  findAccounts(session) {
    if (!session) return Promise.resolve(receipts.accounts());
    return request("GET", "/wechat/receipts", { headers: login.authorization(session) }).then(
      (reply) => {
        const found = reply.status === 200 && reply.data && reply.data.receipts;
        if (Array.isArray(found)) found.reverse().forEach((entry) => receipts.add(entry.acc_nbr, entry.receipt));
        else if (reply.status === 401) login.clear();
        return receipts.accounts();
      },
      () => receipts.accounts(),
    );
  },

  // Without a receipt or a session the server would refuse, so the number is not sent.
  readRatings(session) {
    const { accNbr } = this.data;
    const ownReceipts = receipts.forAccount(accNbr);
    if (!ownReceipts.length && !session) return this.update({ state: "refused" });
    const headers = login.authorization(session);
    if (ownReceipts.length) headers["X-Grade-Receipt"] = ownReceipts.join(",");
    return request("GET", "/graderesult", { headers, data: { phonenum: accNbr } }).then(
      (reply) => this.showReply(reply, session),
      () => this.update({ state: "failed", failure: "网络连接不上，请检查网络后再试。" }),
    );
  },

  showReply(reply, session) {
    const answer = reply.data;
    if (reply.status === 200 && answer && Array.isArray(answer.ratings)) {
      const ratings = answer.ratings.map((rating, index) => ratingData(rating, answer, this.data.form, index));
      return this.update({ ratings, more: Boolean(answer.more), state: ratings.length ? "ratings" : "empty" });
    }
    if (reply.status === 403 && session && !this.hasRenewedSession) {
      // The session may have expired.
      this.hasRenewedSession = true;
      return login.renew().then(
        (token) => this.readRatings(token),
        () => this.update({ state: "refused" }),
      );
    }
    if (reply.status === 400 || reply.status === 403) return this.update({ state: "refused" });
    if (reply.status === 429 || reply.status === 503) {
      return this.update({ state: "failed", failure: `服务器正忙，${retryText(reply.headers)}再试。` });
    }
    const failure =
      reply.status >= 500
        ? `服务器出错了（${reply.status}），请稍后再试。`
        : "收到的内容不是来自评分服务器，当前网络可能要先登录才能使用。";
    return this.update({ state: "failed", failure });
  },

  agree() {
    consent.record();
    this.update({ state: "loading" });
    return login.session().then(
      (token) => this.showAccount(token),
      (error) => this.update({ state: "failed", failure: `${error.text}。` }),
    );
  },

  openContract() {
    consent.openContract();
  },

  chooseAccount(event) {
    this.setData({ accNbr: event.currentTarget.dataset.account });
    this.load();
  },

  // reLaunch closes all pages, so two score pages cannot write the same draft.
  rateAgain() {
    wx.reLaunch({ url: `../score/score?acc_nbr=${encodeURIComponent(this.data.accNbr)}` });
  },
});
