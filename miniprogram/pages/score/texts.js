// The sentences about entries of the outbox and about the phone's storage. They say only what is so.
const { mask } = require("../../characters");
const outbox = require("../../outbox");

const STORAGE_WARNING =
  "手机存储空间不足，填写的内容没有保存到手机上，关闭小程序就会丢失。请填完后直接提交，或清理手机空间。";

const kept = () =>
  outbox.isSaved() ? "填写的内容已保存在手机上。" : "手机存储空间不足，填写的内容没有保存，提交成功前请不要关闭小程序。";

function dateText(time) {
  const date = new Date(time);
  return `${date.getMonth() + 1}月${date.getDate()}日`;
}

function stateText(entry, isSending) {
  if (isSending) return "正在发送…";
  const until = dateText(outbox.expiresAt(entry));
  return {
    draft: "还没有填完，没有发送。",
    waiting: `还没有发出，联网后打开小程序会自动发送，${until}前有效。`,
    unconfirmed: `可能已经送达，还没有得到确认。小程序会自动再次发送，不会重复记录，${until}前有效。`,
    refused: entry.note,
    expired: `${outbox.RESEND_DAYS} 天内没有得到确认，不再自动发送。`,
  }[entry.state];
}

// An entry for the list above the form.
const entryData = (entry, isSending, failure) => ({
  id: entry.id,
  account: entry.acc_nbr ? mask(entry.acc_nbr) : "未填号码",
  text: stateText(entry, isSending),
  failure: (!isSending && outbox.isResendable(entry) && failure) || "",
  canResend: !isSending && outbox.isResendable(entry),
  canResume: !isSending && !outbox.isLocked(entry),
  resumeText: { expired: "用这份内容重新填写", waiting: "修改" }[entry.state] || "继续填写",
  canDiscard: !isSending,
});

function offer(entry) {
  const account = entry.acc_nbr ? `号码 ${mask(entry.acc_nbr)}。` : "";
  const state = {
    draft: "它还没有发送。",
    waiting: "它还没有发出，联网后打开小程序会自动发送。",
    unconfirmed: "它可能已经送达，再次提交不会重复记录。",
    refused: `它没有被接受：${entry.note}`,
  }[entry.state];
  return account + state;
}

const discard = (entry) =>
  entry.state === "unconfirmed"
    ? "它可能已经送达。放弃后不再发送，填写的内容会从手机上删除。"
    : "填写的内容会从手机上删除，不再发送。";

const delivered = (accNbr) => `之前没有确认的评价（号码 ${mask(accNbr)}）已经送达，不用再次提交。`;

module.exports = { STORAGE_WARNING, delivered, discard, entry: entryData, kept, offer };
