// The ids of ratings (submission_id). The server stores one rating per id.
const POOL_BYTES = 160; // ten ids

let pool = [];

// wx.getRandomValues is asynchronous, so bytes are fetched in advance. Until they come, Math.random serves.
function fillPool() {
  if (!wx.getRandomValues) return;
  wx.getRandomValues({
    length: POOL_BYTES,
    success: (result) => {
      pool = Array.from(new Uint8Array(result.randomValues));
    },
  });
}

fillPool();

function toUuid(bytes, version) {
  bytes[6] = (bytes[6] & 0x0f) | (version << 4);
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.map((byte) => (byte + 256).toString(16).slice(1)).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// A UUID of version 4.
function random() {
  const bytes = pool.splice(0, 16);
  if (pool.length < 16) fillPool();
  while (bytes.length < 16) bytes.push(Math.floor(Math.random() * 256));
  return toUuid(bytes, 4);
}

function utf8(text) {
  const bytes = [];
  Array.from(text).forEach((character) => {
    const code = character.codePointAt(0);
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  });
  return bytes;
}

// SHA-1 (RFC 3174) of bytes, as 20 bytes. WeChat offers no digest.
function sha1(message) {
  const rotate = (word, bits) => (word << bits) | (word >>> (32 - bits));
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  const bytes = message.concat(0x80);
  while (bytes.length % 64 !== 56) bytes.push(0);
  const bitLength = message.length * 8;
  bytes.push(0, 0, 0, 0, bitLength >>> 24, (bitLength >>> 16) & 255, (bitLength >>> 8) & 255, bitLength & 255);
  const rounds = [
    [(b, c, d) => (b & c) | (~b & d), 0x5a827999],
    [(b, c, d) => b ^ c ^ d, 0x6ed9eba1],
    [(b, c, d) => (b & c) | (b & d) | (c & d), 0x8f1bbcdc],
    [(b, c, d) => b ^ c ^ d, 0xca62c1d6],
  ];
  for (let start = 0; start < bytes.length; start += 64) {
    const words = [];
    for (let i = 0; i < 16; i += 1) {
      const at = start + 4 * i;
      words.push((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
    }
    for (let i = 16; i < 80; i += 1) {
      words.push(rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1));
    }
    let [a, b, c, d, e] = state;
    words.forEach((word, i) => {
      const [mix, constant] = rounds[Math.floor(i / 20)];
      const next = (rotate(a, 5) + mix(b, c, d) + e + constant + word) | 0;
      [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
    });
    [a, b, c, d, e].forEach((word, i) => {
      state[i] = (state[i] + word) | 0;
    });
  }
  const digest = [];
  state.forEach((word) => digest.push((word >>> 24) & 255, (word >>> 16) & 255, (word >>> 8) & 255, word & 255));
  return digest;
}

const NAMESPACE = "6f1d0c2e-58f4-4c55-9a36-2c1f0b7d9e45";

// A UUID of version 5 (RFC 9562): the same text gives the same id.
function fromText(text) {
  const namespace = NAMESPACE.replace(/-/g, "")
    .match(/../g)
    .map((hex) => parseInt(hex, 16));
  return toUuid(sha1(namespace.concat(utf8(text))).slice(0, 16), 5);
}

module.exports = { random, fromText };
