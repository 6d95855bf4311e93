const characters = require("../../characters");
const consent = require("../../consent");
const drafts = require("../../draft");
const forms = require("../../form");
const { deliver } = require("../../delivery");

const GRADES = ["grade1", "grade2", "grade3"];
const REMARKS = ["txt1", "txt2", "txt3"];
const FIELDS_IN_ORDER = ["acc_nbr"].concat(GRADES, REMARKS);
const MAX_STARS = 10; // a longer range of grades is typed as a number
const TOAST_MS = 1500;

// WeChat passes page options undecoded. An invalid encoding is used unchanged.
function decodeOption(option) {
  try {
    return decodeURIComponent(option || "");
  } catch (error) {
    return option;
  }
}

const removeBlanks = (text) => text.replace(/\s/g, "");

Page({
  data: {
    form: forms.cached(),
    stars: [],
    accNbr: "",
    grades: [],
    remarks: [],
    errors: {},
    offer: "",
    failure: "",
    locked: false, // the server may have stored the draft: see delivery.js
    sending: false,
    sent: false,
    conflict: false,
    alreadyRated: false,
    consent: null,
  },

  onLoad(options) {
    this.accNbr = removeBlanks(decodeOption(options.acc_nbr || options.phonenum));
    this.draft = drafts.empty(this.accNbr);
    const earlier = drafts.load();
    if (earlier) {
      const account = earlier.acc_nbr ? `号码尾号 ${earlier.acc_nbr.slice(-4)}。` : "";
      const state = earlier.may_be_stored ? "它可能已经送达，再次提交不会重复记录。" : "它还没有发送。";
      this.setData({ offer: account + state });
    }
    this.render(forms.cached());
    forms.refresh().then((form) => this.render(form));
  },

  onUnload() {
    this.isUnloaded = true;
  },

  // Sets the page's data from the form and the draft. Not called while the customer types: a late update
  // from the page's other thread would overwrite the newest characters.
  render(form) {
    if (this.isUnloaded) return;
    const { grades, remarks } = this.draft;
    const stars = [];
    if (form.grade_max - form.grade_min < MAX_STARS) {
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
        hasValue: grades[i] !== drafts.NO_GRADE,
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

  continueDraft() {
    this.draft = drafts.load() || this.draft;
    if (!this.draft.acc_nbr) this.draft.acc_nbr = this.accNbr;
    this.setData({ offer: "" });
    this.render(this.data.form);
  },

  discardDraft() {
    wx.showModal({
      title: "放弃这份评价？",
      content: "填写的内容会从手机上删除。",
      confirmText: "放弃",
      cancelText: "保留",
      success: (answer) => {
        if (!answer.confirm) return;
        drafts.remove(drafts.load() || this.draft);
        // A new page: setData cannot clear a text that the page's data never contained.
        wx.redirectTo({ url: `../score/score?acc_nbr=${encodeURIComponent(this.accNbr)}` });
      },
    });
  },

  setField(field, text) {
    const { draft } = this;
    if (field === "acc_nbr") draft.acc_nbr = removeBlanks(text);
    const grade = GRADES.indexOf(field);
    if (grade >= 0) draft.grades[grade] = /^\d+$/.test(text) ? Number(text) : drafts.NO_GRADE;
    const remark = REMARKS.indexOf(field);
    if (remark >= 0) draft.remarks[remark] = text;
  },

  onInput(event) {
    const { field } = event.currentTarget.dataset;
    const text = event.detail.value;
    if (this.isBusy || this.draft.may_be_stored) return;
    this.setField(field, text);
    drafts.save(this.draft);
    const remark = REMARKS.indexOf(field);
    if (remark >= 0) this.setData({ [`remarks[${remark}].count`]: characters.count(text) });
    this.clearError(field);
  },

  onBlur() {
    if (!this.isBusy) this.render(this.data.form);
  },

  rate(event) {
    const { gradeIndex, value } = event.currentTarget.dataset;
    if (this.isBusy || this.draft.may_be_stored) return;
    this.draft.grades[gradeIndex] = value;
    drafts.save(this.draft);
    this.setData({ [`grades[${gradeIndex}].value`]: value, [`grades[${gradeIndex}].hasValue`]: true });
    this.clearError(GRADES[gradeIndex]);
  },

  clearError(field) {
    if (this.data.errors[field]) this.setData({ [`errors.${field}`]: "" });
  },

  // Checks that spare the customer a request; the server validates everything again.
  findErrors() {
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

  showErrors(errors) {
    const first = FIELDS_IN_ORDER.find((name) => errors[name]);
    this.setData({ errors });
    if (first) wx.pageScrollTo({ selector: `#field-${first}`, duration: 200 });
  },

  // --- Sending ----------------------------------------------------------------------------------

  submit(event) {
    if (this.isBusy) return;
    if (!this.draft.may_be_stored) {
      // The last characters may reach the form before they reach onInput.
      const values = event.detail.value;
      Object.keys(values).forEach((field) => this.setField(field, String(values[field])));
      drafts.save(this.draft);
      this.render(this.data.form);
    }
    const errors = this.findErrors();
    this.setData({ failure: "" });
    this.showErrors(errors);
    if (Object.keys(errors).length) return;
    this.isBusy = true;
    consent.pendingRequest().then((consentRequest) => {
      if (!consentRequest) return this.send();
      this.isBusy = false;
      this.setData({ consent: consentRequest });
      wx.pageScrollTo({ selector: "#consent", duration: 200 });
      return null;
    });
  },

  agree() {
    if (this.isBusy) return;
    consent.record();
    this.setData({ consent: null });
    this.send();
  },

  decline() {
    this.setData({ consent: null, failure: "没有您的同意，号码和评价都不会发送。填写的内容已保存在手机上。" });
  },

  openContract() {
    consent.openContract();
  },

  // `isBusy` stops a second tap at once; the disabled button reaches the screen later.
  send() {
    this.isBusy = true;
    this.setData({ sending: true, failure: "", errors: {}, conflict: false });
    return deliver(this.draft, this.data.form).then((outcome) => {
      if (this.isUnloaded) return;
      if (outcome.delivered) {
        this.showSuccess(outcome.toast);
        return;
      }
      this.isBusy = false;
      this.setData({
        sending: false,
        failure: outcome.text,
        conflict: Boolean(outcome.conflict),
        alreadyRated: Boolean(outcome.alreadyRated),
      });
      this.render(this.data.form);
      if (outcome.field) this.showErrors({ [outcome.field]: outcome.fieldText });
    });
  },

  showSuccess(toast) {
    this.setData({ sent: true, locked: false });
    wx.showToast({ title: toast, icon: "success", duration: TOAST_MS, mask: true });
    // WeChat removes the toast together with its page, so the page stays while the toast is shown.
    setTimeout(() => {
      if (!this.isUnloaded) this.showResults();
    }, TOAST_MS);
  },

  editAsNew() {
    drafts.resetId(this.draft);
    this.setData({ failure: "", conflict: false });
    this.render(this.data.form);
  },

  sendAsNew() {
    if (this.isBusy) return;
    drafts.resetId(this.draft);
    this.send();
  },

  showResults() {
    const accNbr = this.draft.acc_nbr;
    const url = `../graderesult/graderesult${accNbr ? `?phonenum=${encodeURIComponent(accNbr)}` : ""}`;
    if (this.data.sent) wx.redirectTo({ url });
    else wx.navigateTo({ url });
  },
});
