// The value of the star nearest to a finger. With large text the stars take several rows, so the row counts first.
function nearest(boxes, x, y) {
  const distance = (from, to, at) => Math.max(from - at, at - to, 0);
  const cost = (box) => distance(box.top, box.bottom, y) * 10000 + distance(box.left, box.right, x);
  return boxes.reduce((best, box) => (cost(box) < cost(best) ? box : best)).dataset.value;
}

module.exports = { nearest };
