// The form. A field's text belongs to the customer: the script sets it only when the field is made (on load, on
// taking up an entry, on reset). A later setData reaches the screen after a delay and would undo the letters
// typed meanwhile, so no other update touches `made`.
const characters = require("../../characters");
const codes = require("../../codes");
const consent = require("../../consent");
const delivery = require("../../delivery");
const forms = require("../../form");
const outbox = require("../../outbox");
const scale = require("../../scale");
const { nearest } = require("./drag");
const texts = require("./texts");

const GRADES = ["grade1", "grade2", "grade3"];
const REMARKS = ["txt1", "txt2", "txt3"];
const FIELDS_IN_ORDER = ["acc_nbr"].concat(GRADES, REMARKS);

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
    gradeNames: GRADES,
    remarkNames: REMARKS,
    form: forms.cached(),
    options: scale.options(forms.cached()),
    makes: [], // one number; another number makes all fields again
    made: { acc_nbr: "", grades: ["", "", ""], remarks: ["", "", ""] },
    hasTextKeyboard: false,
    code: { state: "" }, // "pending", "failed", "invalid" or "known"
    grades: [], // {value, isSet, text}
    counts: [0, 0, 0],
    previews: ["", "", ""],
    openRemark: 0,
    focusedRemark: -1,
    wasOpened: [true, false, false],
    errors: {},
    offer: "",
    entries: [], // the other entries of the outbox
    deliveredNote: "",
    storageWarning: "",
    failure: "",
    locked: false, // the server may have stored the entry: see delivery.js
    sending: false,
    sent: false,
    conflict: false,
    alreadyRated: false,
    consent: null,
  },

  onLoad(options) {
    this.accNbr = removeBlanks(decodeOption(options.acc_nbr || options.phonenum));
    this.token = codes.tokenOf(options);
    this.resendFailures = {}; // id: why the last tap on 现在发送 did not succeed
    this.makeFields(outbox.create(this.accNbr));
    if (this.token === "") this.setData({ code: { state: "invalid" } });
    if (this.token) this.resolveCode();
    this.findOffer();
    this.showEntries();
    this.stopListening = outbox.onChange(() => this.followOutbox());
    forms.refresh().then((form) => this.showForm(form));
  },

  onShow() {
    this.isShown = true;
    this.followOutbox();
  },

  onHide() {
    this.isShown = false;
  },

  onUnload() {
    this.isUnloaded = true;
    this.stopListening();
  },

  // --- What the page shows ------------------------------------------------------------------------

  // Makes all fields again, with the texts of the entry. An entry by hand ends the wait for a code.
  makeFields(entry) {
    const { code } = this.data;
    this.entry = entry;
    this.makeCount = (this.makeCount || 0) + 1;
    const filled = entry.remarks.findIndex((text) => Boolean(text));
    const openRemark = Math.max(filled, 0);
    this.setData(
      Object.assign(
        {
          makes: [this.makeCount],
          made: {
            acc_nbr: entry.acc_nbr,
            grades: entry.grades.map((grade) => (grade === outbox.NO_GRADE ? "" : String(grade))),
            remarks: entry.remarks.slice(),
          },
          hasTextKeyboard: /\D/.test(entry.acc_nbr),
          openRemark,
          wasOpened: REMARKS.map((name, i) => i === openRemark),
          previews: entry.remarks.slice(),
          counts: entry.remarks.map(characters.count),
          grades: entry.grades.map((grade) => this.gradeData(grade)),
          code: entry.by_code ? { state: "known", acc_nbr: entry.acc_nbr, area: code.area || "" } : { state: "" },
          errors: {},
          failure: entry.state === "refused" ? entry.note : "",
          conflict: false,
          alreadyRated: false,
        },
        this.entryState(),
      ),
    );
  },

  gradeData(value, form) {
    const isSet = value !== outbox.NO_GRADE;
    return { value, isSet, text: isSet ? scale.text(form || this.data.form, value) : "请打分" };
  },

  entryState() {
    return { locked: outbox.isLocked(this.entry) };
  },

  // The questions and the range, without touching a text. If typed grades replace stars, their fields are new.
  showForm(form) {
    if (this.isUnloaded) return;
    const options = scale.options(form);
    const update = { form, options, grades: this.entry.grades.map((grade) => this.gradeData(grade, form)) };
    if (this.data.options.length && !options.length) {
      update["made.grades"] = this.entry.grades.map((grade) => (grade === outbox.NO_GRADE ? "" : String(grade)));
    }
    this.setData(update);
  },

  // The entry of an earlier visit to continue. Entries of other accounts do not block the form.
  findOffer() {
    const candidates = outbox.all().filter((entry) => entry.state !== "expired" && !delivery.isSending(entry.id));
    const ofPage = this.accNbr
      ? candidates.filter((entry) => entry.acc_nbr === this.accNbr || !entry.acc_nbr)
      : candidates.filter((entry) => entry.state === "draft" && !this.token);
    this.offered = ofPage.length ? ofPage[ofPage.length - 1].id : null;
    this.setData({ offer: this.offered ? texts.offer(outbox.get(this.offered)) : "" });
  },

  showEntries() {
    const entries = outbox
      .all()
      .filter((entry) => entry.id !== this.entry.id && entry.id !== this.offered)
      .map((entry) => texts.entry(entry, delivery.isSending(entry.id), this.resendFailures[entry.id]));
    if (entries.length || this.data.entries.length) this.setData({ entries });
  },

  showStorage() {
    const isLost = !outbox.isSaved() && outbox.hasContent(this.entry);
    const storageWarning = isLost ? texts.STORAGE_WARNING : "";
    if (storageWarning !== this.data.storageWarning) this.setData({ storageWarning });
  },

  // Called after each change of the outbox: an entry may have been sent or delivered in the background.
  followOutbox() {
    if (this.isUnloaded || this.isLeaving || this.isSaving) return;
    const last = delivery.lastDelivered();
    const isOwn = Boolean(last) && last.id === this.entry.id;
    if (isOwn && !this.isBusy) {
      if (this.isShown) this.showSuccess();
      return;
    }
    if (last && last.isNew && !isOwn) this.noteDelivery(last);
    const stored = outbox.get(this.entry.id);
    if (stored && !this.isBusy && stored.state !== this.entry.state) {
      this.entry = stored;
      this.setData(this.entryState());
    }
    if (this.offered && !outbox.get(this.offered)) {
      this.offered = null;
      this.setData({ offer: "" });
    }
    this.showEntries();
    this.showStorage();
  },

  noteDelivery(last) {
    last.isNew = false;
    this.setData({ deliveredNote: texts.delivered(last.acc_nbr) });
  },

  // --- Entries of earlier visits -------------------------------------------------------------------

  continueOffer() {
    this.takeUp(this.offered);
  },

  resumeEntry(event) {
    const entry = outbox.get(event.currentTarget.dataset.id);
    if (!entry || this.isBusy) return;
    if (entry.state !== "expired") {
      this.takeUp(entry.id);
      return;
    }
    const renewed = outbox.copy(entry);
    outbox.remove(entry.id);
    outbox.save(renewed);
    this.takeUp(renewed.id);
  },

  takeUp(id) {
    const entry = outbox.get(id);
    if (!entry) return;
    if (!entry.acc_nbr) entry.acc_nbr = this.accNbr;
    this.token = null;
    this.offered = null;
    this.makeFields(entry);
    this.setData({ offer: "" });
    this.showEntries();
    this.showStorage();
  },

  resendEntry(event) {
    const { id } = event.currentTarget.dataset;
    const entry = outbox.get(id);
    if (!entry || !outbox.isResendable(entry) || delivery.isSending(id)) return;
    consent.pendingRequest().then((consentRequest) => {
      if (consentRequest) {
        this.takeUp(id); // the form asks for consent
        return;
      }
      const sending = delivery.deliver(id, this.data.form);
      this.showEntries();
      sending.then((outcome) => {
        if (this.isUnloaded) return;
        this.resendFailures[id] = outcome.delivered ? "" : outcome.text;
        this.showEntries();
      });
    });
  },

  discardEntry(event) {
    this.confirmDiscard(event.currentTarget.dataset.id, () => this.showEntries());
  },

  discardOffer() {
    const { id, state } = outbox.get(this.offered) || {};
    this.confirmDiscard(id, () => {
      this.offered = null;
      this.setData({ offer: "" });
      // A draft may have been sent after all, if the storage was full: under its id the same content counts once.
      this.startAnew(state === "draft" ? id : null);
    });
  },

  discardForm() {
    this.confirmDiscard(this.entry.id, () => this.startAnew());
  },

  startAnew(id) {
    const entry = outbox.create(this.data.code.state === "known" ? this.data.code.acc_nbr : this.accNbr);
    entry.by_code = this.data.code.state === "known";
    if (id) entry.id = id;
    this.makeFields(entry);
    this.showEntries();
  },

  confirmDiscard(id, done) {
    const entry = outbox.get(id);
    if (!entry) return;
    wx.showModal({
      title: "放弃这份评价？",
      content: texts.discard(entry),
      confirmText: "放弃",
      cancelText: "保留",
      success: (answer) => {
        if (!answer.confirm || this.isUnloaded || delivery.isSending(id)) return;
        outbox.remove(id);
        done();
      },
    });
  },

  // --- A code --------------------------------------------------------------------------------------

  resolveCode() {
    const { token } = this;
    this.setData({ code: { state: "pending" } });
    codes.resolve(token).then((found) => {
      if (this.isUnloaded || this.token !== token) return;
      if (found.isInvalid) this.setData({ code: { state: "invalid" } });
      else if (!found.acc_nbr) this.setData({ code: { state: "failed", text: found.text } });
      else this.showAccount(found);
    });
  },

  showAccount(found) {
    this.token = null;
    if (!this.isEditable()) return;
    this.accNbr = found.acc_nbr;
    this.setData({ code: { state: "known", acc_nbr: found.acc_nbr, area: found.area } });
    this.entry.acc_nbr = found.acc_nbr;
    this.entry.by_code = true;
    this.clearError("acc_nbr");
    if (outbox.hasContent(this.entry)) this.saveEntry();
    else this.findOffer();
    this.showEntries();
  },

  enterByHand() {
    if (!this.isEditable()) return;
    this.token = null;
    this.accNbr = "";
    this.entry.acc_nbr = "";
    this.entry.by_code = false;
    this.setData({ code: { state: "" }, "made.acc_nbr": "", hasTextKeyboard: false });
    if (outbox.hasContent(this.entry)) this.saveEntry();
  },

  // --- Filling in ----------------------------------------------------------------------------------

  isEditable() {
    return !this.isBusy && !this.isLeaving && !outbox.isLocked(this.entry);
  },

  setField(field, text) {
    const { entry } = this;
    if (field === "acc_nbr" && !entry.by_code) entry.acc_nbr = removeBlanks(text);
    const grade = GRADES.indexOf(field);
    if (grade >= 0) entry.grades[grade] = /^\d+$/.test(text) ? Number(text) : outbox.NO_GRADE;
    const remark = REMARKS.indexOf(field);
    if (remark >= 0) entry.remarks[remark] = text;
  },

  // Changed content is not sent by itself: the entry is a draft again, under its id.
  saveEntry() {
    const { entry } = this;
    if (entry.state !== "draft") {
      Object.assign(entry, { state: "draft", note: "" });
      this.setData(this.entryState());
      if (!this.data.conflict) this.setData({ failure: "", alreadyRated: false });
    }
    this.store();
  },

  store() {
    this.isSaving = true;
    if (outbox.hasContent(this.entry)) outbox.save(this.entry);
    this.isSaving = false;
    this.showStorage();
  },

  onInput(event) {
    const { field, make } = event.currentTarget.dataset;
    // An event of a field that was replaced meanwhile is not about this entry.
    if (!this.isEditable() || make !== this.makeCount) return;
    const text = event.detail.value;
    this.setField(field, text);
    this.saveEntry();
    const remark = REMARKS.indexOf(field);
    if (remark >= 0) this.setData({ [`counts[${remark}]`]: characters.count(text) });
    const grade = GRADES.indexOf(field);
    if (grade >= 0) this.setData({ [`grades[${grade}]`]: this.gradeData(this.entry.grades[grade]) });
    this.clearError(field);
  },

  useTextKeyboard() {
    if (!this.isEditable()) return;
    this.setData({ hasTextKeyboard: true, "made.acc_nbr": this.entry.acc_nbr });
  },

  toggleRemark(event) {
    const { index } = event.currentTarget.dataset;
    const isOpening = index !== this.data.openRemark;
    this.setData({
      openRemark: isOpening ? index : -1,
      focusedRemark: isOpening ? index : -1,
      [`wasOpened[${index}]`]: true,
      previews: this.entry.remarks.slice(),
    });
  },

  onRemarkBlur() {
    if (this.data.focusedRemark >= 0) this.setData({ focusedRemark: -1 });
  },

  setGrade(index, value) {
    if (!this.isEditable() || this.entry.grades[index] === value) return;
    this.entry.grades[index] = value;
    this.saveEntry();
    this.setData({ [`grades[${index}]`]: this.gradeData(value) });
    this.clearError(GRADES[index]);
  },

  rate(event) {
    const { gradeIndex, value } = event.currentTarget.dataset;
    this.setGrade(gradeIndex, value);
  },

  // A finger that moves sideways over the stars sets the grade; up and down it scrolls the page.
  startDrag(event) {
    const { gradeIndex } = event.currentTarget.dataset;
    const touch = (event.touches || [])[0];
    if (!touch) return;
    const drag = { gradeIndex, x: touch.clientX, y: touch.clientY, boxes: null };
    this.drag = drag;
    if (!wx.createSelectorQuery) return;
    wx.createSelectorQuery()
      .selectAll(`#field-${GRADES[gradeIndex]} .star`)
      .fields({ rect: true, size: true, dataset: true }, (boxes) => {
        drag.boxes = boxes;
      })
      .exec();
  },

  moveDrag(event) {
    const { drag } = this;
    const touch = (event.touches || [])[0];
    if (!touch || !drag || !drag.boxes || !drag.boxes.length) return;
    const [across, along] = [Math.abs(touch.clientX - drag.x), Math.abs(touch.clientY - drag.y)];
    if (!drag.isSideways && across < 8 && along < 8) return;
    if (!drag.isSideways && along > across) {
      this.drag = null;
      return;
    }
    drag.isSideways = true;
    this.setGrade(drag.gradeIndex, nearest(drag.boxes, touch.clientX, drag.y));
  },

  endDrag() {
    this.drag = null;
  },

  clearError(field) {
    if (this.data.errors[field]) this.setData({ [`errors.${field}`]: "" });
  },

  // Checks that spare the customer a request; the server validates everything again.
  findErrors() {
    const { form } = this.data;
    const errors = {};
    if (!this.entry.acc_nbr) errors.acc_nbr = "请填写业务号码";
    GRADES.forEach((name, i) => {
      const grade = this.entry.grades[i];
      if (grade < form.grade_min || grade > form.grade_max) {
        errors[name] = `请选择 ${form.grade_min} 到 ${form.grade_max} 分`;
      }
    });
    REMARKS.forEach((name, i) => {
      const over = characters.count(this.entry.remarks[i]) - form.remark_length;
      if (over > 0) errors[name] = `超出 ${over} 字，请缩短`;
    });
    return errors;
  },

  showErrors(errors) {
    const first = FIELDS_IN_ORDER.find((name) => errors[name]);
    const remark = REMARKS.indexOf(first);
    const update = { errors };
    if (remark >= 0 && remark !== this.data.openRemark) {
      Object.assign(update, { openRemark: remark, [`wasOpened[${remark}]`]: true });
    }
    this.setData(update, () => first && this.scrollTo(`#field-${first}`));
  },

  scrollTo(selector) {
    if (!this.isUnloaded && !this.isLeaving) wx.pageScrollTo({ selector, duration: 200 });
  },

  // --- Sending -------------------------------------------------------------------------------------

  submit(event) {
    if (this.isBusy || this.isLeaving) return;
    if (this.isEditable()) {
      // The last characters may reach the form before they reach onInput.
      const values = event.detail.value;
      Object.keys(values).forEach((field) => this.setField(field, String(values[field])));
      this.store();
    }
    const errors = this.findErrors();
    this.setData({ failure: "" });
    this.showErrors(errors);
    if (Object.keys(errors).length) return;
    this.isBusy = true;
    consent.pendingRequest().then((consentRequest) => {
      if (!consentRequest) return this.send();
      this.isBusy = false;
      this.setData({ consent: consentRequest }, () => this.scrollTo("#consent"));
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
    const failure = `没有您的同意，号码和评价都不会发送。${texts.kept()}`;
    this.setData({ consent: null, failure }, () => this.scrollTo("#failure"));
  },

  openContract() {
    consent.openContract();
  },

  // `isBusy` stops a second tap at once; the disabled button reaches the screen later.
  send() {
    this.isBusy = true;
    this.setData({ sending: true, failure: "", errors: {}, conflict: false });
    const { entry } = this;
    outbox.secureId(entry);
    return delivery.deliver(entry.id, this.data.form).then((outcome) => {
      this.isBusy = false;
      if (this.isUnloaded) return;
      if (outcome.delivered) {
        // The page waits in the background until the customer comes back to it.
        if (this.isShown) this.showSuccess();
        return;
      }
      this.entry = outbox.get(entry.id) || entry;
      const update = {
        sending: false,
        failure: outcome.text + texts.kept(),
        conflict: Boolean(outcome.conflict),
        alreadyRated: Boolean(outcome.alreadyRated),
      };
      this.setData(Object.assign(update, this.entryState()), () => !outcome.field && this.scrollTo("#failure"));
      this.showStorage();
      if (outcome.field) this.showErrors({ [outcome.field]: outcome.fieldText });
    });
  },

  showSuccess() {
    const delivered = delivery.lastDelivered();
    delivered.isNew = false;
    this.isLeaving = true;
    this.setData({ sending: false, sent: true, locked: false, failure: "" });
    wx.redirectTo({
      url: "../thanks/thanks",
      fail: () => wx.showToast({ title: delivered.toast, icon: "success" }),
    });
  },

  // The old content is dropped: it may be stored, but it is not sent again.
  replaceEntry() {
    const renewed = outbox.copy(this.entry);
    outbox.remove(this.entry.id);
    this.entry = renewed;
    outbox.save(renewed);
    this.setData(Object.assign({ failure: "", conflict: false }, this.entryState()));
  },

  editAsNew() {
    if (!this.isBusy) this.replaceEntry();
  },

  sendAsNew() {
    if (this.isBusy) return;
    this.replaceEntry();
    this.send();
  },

  showResults() {
    const { acc_nbr: accNbr } = this.entry;
    wx.navigateTo({ url: `../graderesult/graderesult${accNbr ? `?phonenum=${encodeURIComponent(accNbr)}` : ""}` });
  },
});
