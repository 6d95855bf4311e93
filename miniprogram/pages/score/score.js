const characters = require("../../characters");
const consent = require("../../consent");
const drafts = require("../../draft");
const forms = require("../../form");
const { deliver } = require("../../delivery");

const GRADES = ["grade1", "grade2", "grade3"];
const REMARKS = ["txt1", "txt2", "txt3"];
const IN_ORDER = ["acc_nbr"].concat(GRADES, REMARKS);
const MOST_STARS = 10; // a longer range of grades is typed as a number
const TOAST_MS = 1500;

// A page's option comes undecoded; a broken one is taken as it stands.
function decoded(option) {
  try {
    return decodeURIComponent(option || "");
  } catch (error) {
    return option;
  }
}

const withoutBlanks = (text) => text.replace(/\s/g, "");

Page({
  data: {
    form: forms.stored(),
    stars: [],
    accNbr: "",
    grades: [],
    remarks: [],
    errors: {},
    offer: "",
    failure: "",
    locked: false, // an earlier send may have arrived: see delivery.js
    sending: false,
    sent: false,
    conflict: false,
    rated: false,
    consent: null,
  },

  onLoad(options) {
    this.accNbr = withoutBlanks(decoded(options.acc_nbr || options.phonenum));
    this.draft = drafts.empty(this.accNbr);
    const earlier = drafts.stored();
    if (earlier) {
      const whose = earlier.acc_nbr ? `号码尾号 ${earlier.acc_nbr.slice(-4)}。` : "";
      const state = earlier.may_be_stored ? "它可能已经送达，再次提交不会重复记录。" : "它还没有发送。";
      this.setData({ offer: whose + state });
    }
    this.show(forms.stored());
    forms.refresh().then((form) => this.show(form));
  },

  onUnload() {
    this.isGone = true;
  },

  // The page's data from the form and the draft. While the customer types, the texts are not touched:
  // what comes back late from the page's other thread would overwrite the newest letters.
  show(form) {
    if (this.isGone) return;
    const { grades, remarks } = this.draft;
    const stars = [];
    if (form.grade_max - form.grade_min < MOST_STARS) {
      for (let star = form.grade_min; star <= form.grade_max; star += 1) stars.push(star);
    }
    this.setData({
      form,
      stars,
      accNbr: this.draft.acc_nbr,
      locked: this.draft.may_be_stored,
      grades: GRADES.map((name, i) => ({
        name,
        label: form.grade_labels[i],
        value: grades[i],
        given: grades[i] !== drafts.NONE,
      })),
      remarks: REMARKS.map((name, i) => ({
        name,
        prompt: form.remark_prompts[i],
        text: remarks[i],
        count: characters.count(remarks[i]),
      })),
    });
  },

  // --- Filling in -------------------------------------------------------------------------------

  takeUpDraft() {
    this.draft = drafts.stored() || this.draft;
    if (!this.draft.acc_nbr) this.draft.acc_nbr = this.accNbr;
    this.setData({ offer: "" });
    this.show(this.data.form);
  },

  discardDraft() {
    wx.showModal({
      title: "放弃这份评价？",
      content: "填写的内容会从手机上删除。",
      confirmText: "放弃",
      cancelText: "保留",
      success: (answer) => {
        if (!answer.confirm) return;
        drafts.remove(drafts.stored() || this.draft);
        // A fresh page: a textarea does not forget a text that its page has never known.
        wx.redirectTo({ url: `../score/score?acc_nbr=${encodeURIComponent(this.accNbr)}` });
      },
    });
  },

  set(field, text) {
    const { draft } = this;
    if (field === "acc_nbr") draft.acc_nbr = withoutBlanks(text);
    const grade = GRADES.indexOf(field);
    if (grade >= 0) draft.grades[grade] = /^\d+$/.test(text) ? Number(text) : drafts.NONE;
    const remark = REMARKS.indexOf(field);
    if (remark >= 0) draft.remarks[remark] = text;
  },

  typed(event) {
    const { field } = event.currentTarget.dataset;
    const text = event.detail.value;
    if (this.isBusy || this.draft.may_be_stored) return;
    this.set(field, text);
    drafts.save(this.draft);
    const remark = REMARKS.indexOf(field);
    if (remark >= 0) this.setData({ [`remarks[${remark}].count`]: characters.count(text) });
    this.forgive(field);
  },

  left() {
    if (!this.isBusy) this.show(this.data.form);
  },

  rate(event) {
    const { which, value } = event.currentTarget.dataset;
    if (this.isBusy || this.draft.may_be_stored) return;
    this.draft.grades[which] = value;
    drafts.save(this.draft);
    this.setData({ [`grades[${which}].value`]: value, [`grades[${which}].given`]: true });
    this.forgive(GRADES[which]);
  },

  forgive(field) {
    if (this.data.errors[field]) this.setData({ [`errors.${field}`]: "" });
  },

  // What the customer can mend without asking the server, whose word is the last.
  faults() {
    const { form } = this.data;
    const errors = {};
    if (!this.draft.acc_nbr) errors.acc_nbr = "请填写业务号码";
    GRADES.forEach((name, i) => {
      const grade = this.draft.grades[i];
      if (grade < form.grade_min || grade > form.grade_max) {
        errors[name] = `请选择 ${form.grade_min} 到 ${form.grade_max} 分`;
      }
    });
    REMARKS.forEach((name, i) => {
      const over = characters.count(this.draft.remarks[i]) - form.remark_length;
      if (over > 0) errors[name] = `超出 ${over} 字，请缩短`;
    });
    return errors;
  },

  pointTo(errors) {
    const first = IN_ORDER.find((name) => errors[name]);
    this.setData({ errors });
    if (first) wx.pageScrollTo({ selector: `#field-${first}`, duration: 200 });
  },

  // --- Sending ----------------------------------------------------------------------------------

  submit(event) {
    if (this.isBusy) return;
    if (!this.draft.may_be_stored) {
      // The last letters may reach the form before they reach `typed`.
      const values = event.detail.value;
      Object.keys(values).forEach((field) => this.set(field, String(values[field])));
      drafts.save(this.draft);
      this.show(this.data.form);
    }
    const errors = this.faults();
    this.setData({ failure: "" });
    this.pointTo(errors);
    if (Object.keys(errors).length) return;
    this.isBusy = true;
    consent.needed().then((question) => {
      if (!question) return this.send();
      this.isBusy = false;
      this.setData({ consent: question });
      wx.pageScrollTo({ selector: "#consent", duration: 200 });
      return null;
    });
  },

  agree() {
    if (this.isBusy) return;
    consent.given();
    this.setData({ consent: null });
    this.send();
  },

  decline() {
    this.setData({ consent: null, failure: "没有您的同意，号码和评价都不会发送。填写的内容已保存在手机上。" });
  },

  openContract() {
    consent.openContract();
  },

  // A second tap does nothing: `isBusy` is set at once, while the button's own state takes a while
  // to reach the screen.
  send() {
    this.isBusy = true;
    this.setData({ sending: true, failure: "", errors: {}, conflict: false });
    return deliver(this.draft, this.data.form).then((outcome) => {
      if (this.isGone) return;
      if (outcome.delivered) {
        this.celebrate(outcome.toast);
        return;
      }
      this.isBusy = false;
      this.setData({
        sending: false,
        failure: outcome.text,
        conflict: Boolean(outcome.conflict),
        rated: Boolean(outcome.rated),
      });
      this.show(this.data.form);
      if (outcome.field) this.pointTo({ [outcome.field]: outcome.fieldText });
    });
  },

  celebrate(toast) {
    this.setData({ sent: true, locked: false });
    wx.showToast({ title: toast, icon: "success", duration: TOAST_MS, mask: true });
    // WeChat takes the toast away together with the page.
    setTimeout(() => {
      if (!this.isGone) this.showResults();
    }, TOAST_MS);
  },

  change() {
    drafts.asNew(this.draft);
    this.setData({ failure: "", conflict: false });
    this.show(this.data.form);
  },

  sendAsNew() {
    if (this.isBusy) return;
    drafts.asNew(this.draft);
    this.send();
  },

  showResults() {
    const accNbr = this.draft.acc_nbr;
    const url = `../graderesult/graderesult${accNbr ? `?phonenum=${encodeURIComponent(accNbr)}` : ""}`;
    if (this.data.sent) wx.redirectTo({ url });
    else wx.navigateTo({ url });
  },
});
