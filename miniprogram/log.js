// The error log. It has the place of an error in the program and no personal data: long digits and Chinese text
// are removed, as a message can quote a number or a remark.
const MAX_LENGTH = 500;

const scrub = (text) =>
  String(text)
    .replace(/[^\x20-\x7e\n]+/g, "…")
    .replace(/\d{4,}/g, "#")
    .replace(/(["'`])[^"'`\n]{16,}\1/g, "…")
    .slice(0, MAX_LENGTH);

// The real-time log of WeChat's console (开发管理 → 运维中心 → 实时日志), or the phone's console without it.
function write(level, kind, detail) {
  const text = scrub(detail);
  const manager = wx.getRealtimeLogManager && wx.getRealtimeLogManager();
  if (manager && manager[level]) manager[level](kind, text);
  else console.warn(kind, text);
}

const error = (kind, detail) => write("error", kind, detail);
const warn = (kind, detail) => write("warn", kind, detail);

module.exports = { error, warn };
