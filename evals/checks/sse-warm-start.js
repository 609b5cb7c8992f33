const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const { Feed } = require(process.cwd() + '/services/sse/src/feed.js');

function feed() {
  const published = [], asked = [];
  const made = new Feed({ buses: {} }, { ok() {}, error() {}, warn() {} }, { publish: (event) => published.push(event) });
  const model = (symbol) => JSON.stringify({ symbol, ts: Date.now() / 1000 - 5, spot: 1, cells: [] });
  const of = { SPX: model('SPX'), NDX: model('NDX') };
  made.reader = { command: async (name, ...keys) => {
    asked.push(...keys);
    return keys.map((key) => (key.includes(':heatmap:') ? of[key.split(':')[3]] ?? null : null));
  } };
  made.intel = { json: async () => null };
  return { made, published, asked };
}

exports.check_a_heatmap_that_is_not_built_is_left_out = async () => {
  const { made } = feed();
  const { heatmaps } = await made.models();
  assert.deepStrictEqual(heatmaps.filter(Boolean).map((tile) => tile.symbol), ['SPX', 'NDX']);
  assert.strictEqual(heatmaps.filter(Boolean)[0].age_sec, 5);
};

exports.check_the_models_are_published_at_start = async () => {
  const { made, published, asked } = feed();
  await made.warmUp();
  assert.strictEqual(published[0].name, 'models');
  assert.ok(asked.some((key) => key.includes(':RUT:')));
  assert.ok(readFileSync('services/sse/src/index.js', 'utf8').includes('warmUp()'));
};
