const consent = require("../../consent");
const forms = require("../../form");
const login = require("../../login");
const receipts = require("../../receipts");
const { request, whenToRetry } = require("../../request");

const MOST_STARS = 10;

function decoded(option) {
  try {
    return decodeURIComponent(option || "");
  } catch (error) {
    return option;
  }
}

const starsOf = (value, answer) =>
  answer.grade_max - answer.grade_min < MOST_STARS
    ? "★".repeat(Math.max(value - answer.grade_min + 1, 0)) + "☆".repeat(Math.max(answer.grade_max - value, 0))
    : "";

// A rating as the page shows it. The time is the server's, in its own zone: "2026-11-22 16:54".
function shown(rating, answer, form, key) {
  return {
    key,
    time: String(rating.time).slice(0, 16).replace("T", " "),
    grades: rating.grades.map((value, key) => ({
      key,
      label: answer.grade_labels[key],
      value,
      stars: starsOf(value, answer),
    })),
    remarks: rating.remarks
      .map((text, key) => ({ key, prompt: form.remark_prompts[key], text }))
      .filter((remark) => remark.text),
  };
}

Page({
  data: {
    state: "loading", // or refused, failed, empty, accounts, ratings
    accNbr: "",
    accounts: [],
    ratings: [],
    more: false,
    failure: "",
    form: forms.stored(),
    canLogIn: false,
    consent: null,
  },

  onLoad(options) {
    this.setData({ accNbr: decoded(options.phonenum || options.acc_nbr) });
    this.load();
  },

  onUnload() {
    this.isGone = true;
  },

  say(data) {
    if (!this.isGone) this.setData(data);
  },

  load() {
    this.say({ state: "loading" });
    return Promise.all([forms.refresh(), consent.needed()]).then(([form, question]) => {
      this.say({ form, consent: question });
      const session = login.stored();
      if (session || !form.wechat_login || question) return this.find(session);
      return login.session().then(
        (token) => this.find(token),
        () => this.find(null),
      );
    });
  },

  find(session) {
    this.say({ canLogIn: this.data.form.wechat_login && !session });
    if (this.data.accNbr) return this.readRatings(session);
    return this.findAccounts(session).then((accounts) => {
      if (accounts.length === 1) {
        this.say({ accNbr: accounts[0] });
        return this.readRatings(session);
      }
      const nothing = this.data.canLogIn ? "refused" : "empty";
      return this.say({ accounts, state: accounts.length ? "accounts" : nothing });
    });
  },

  // The accounts rated from this phone, and from other phones with the same WeChat identity.
  findAccounts(session) {
    if (!session) return Promise.resolve(receipts.accounts());
    return request("GET", "/wechat/receipts", { headers: login.headerOf(session) }).then(
      (reply) => {
        const found = reply.status === 200 && reply.data && reply.data.receipts;
        if (Array.isArray(found)) found.reverse().forEach((entry) => receipts.add(entry.acc_nbr, entry.receipt));
        else if (reply.status === 401) login.forget();
        return receipts.accounts();
      },
      () => receipts.accounts(),
    );
  },

  // Asks only with something to show: without it the answer is no, and the number need not travel.
  readRatings(session) {
    const { accNbr } = this.data;
    const own = receipts.of(accNbr);
    if (!own.length && !session) return this.say({ state: "refused" });
    const headers = login.headerOf(session);
    if (own.length) headers["X-Grade-Receipt"] = own.join(",");
    return request("GET", "/graderesult", { headers, data: { phonenum: accNbr } }).then(
      (reply) => this.showReply(reply, session),
      () => this.say({ state: "failed", failure: "网络连接不上，请检查网络后再试。" }),
    );
  },

  showReply(reply, session) {
    const answer = reply.data;
    if (reply.status === 200 && answer && Array.isArray(answer.ratings)) {
      const ratings = answer.ratings.map((rating, key) => shown(rating, answer, this.data.form, key));
      return this.say({ ratings, more: Boolean(answer.more), state: ratings.length ? "ratings" : "empty" });
    }
    if (reply.status === 403 && session && !this.isRenewed) {
      // Perhaps a session that is no longer good.
      this.isRenewed = true;
      return login.fresh().then(
        (token) => this.readRatings(token),
        () => this.say({ state: "refused" }),
      );
    }
    if (reply.status === 400 || reply.status === 403) return this.say({ state: "refused" });
    if (reply.status === 429 || reply.status === 503) {
      return this.say({ state: "failed", failure: `服务器正忙，${whenToRetry(reply.headers)}再试。` });
    }
    const failure =
      reply.status >= 500
        ? `服务器出错了（${reply.status}），请稍后再试。`
        : "收到的不是评分服务器的回答，当前网络可能要先登录才能使用。";
    return this.say({ state: "failed", failure });
  },

  agree() {
    consent.given();
    this.say({ state: "loading" });
    return login.session().then(
      (token) => this.find(token),
      (error) => this.say({ state: "failed", failure: `${error.text}。` }),
    );
  },

  openContract() {
    consent.openContract();
  },

  choose(event) {
    this.setData({ accNbr: event.currentTarget.dataset.account });
    this.load();
  },

  // Everything before is closed, so that no second score page writes the same draft.
  rateAgain() {
    wx.reLaunch({ url: `../score/score?acc_nbr=${encodeURIComponent(this.data.accNbr)}` });
  },
});
