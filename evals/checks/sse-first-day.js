const assert = require('node:assert');
const { toEvent } = require(process.cwd() + '/services/sse/src/transform.js');
const tick = (quote) => toEvent('massive:spot', JSON.stringify({ symbol: 'SPX', ts: 1, ...quote }));

exports.check_an_instrument_on_its_first_day_has_a_tick = () => {
  const event = tick({ price: 611.85, prev_close: null });
  assert.strictEqual(event.name, 'spot');
  assert.strictEqual(event.data.price_text, '611.85');
  assert.ok(event.data.close_text === null || event.data.close_text === undefined || event.data.close_text === '');
  assert.strictEqual(event.data.change, null);
  assert.strictEqual(tick({ price: 611.85 }).data.price, 611.85);
};

exports.check_the_others_have_their_close_as_text = () => {
  const { data } = tick({ price: 101.5, prev_close: 100, change_pct: 1.5 });
  assert.strictEqual(data.price_text, '101.50');
  assert.strictEqual(data.close_text, '100.00');
  assert.strictEqual(data.change, 1.5);
};
