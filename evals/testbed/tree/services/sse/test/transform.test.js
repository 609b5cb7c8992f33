'use strict';

const assert = require('node:assert');
const { test } = require('node:test');

const { encode, parse } = require('../src/resp');
const { sign, verify } = require('../src/auth');
const { backendOf } = require('../src/proxy');
const { changeOf, frame, gexRows, heatmapTile, toEvent } = require('../src/transform');

test('a spot becomes a tick', () => {
  const event = toEvent('massive:spot', '{"symbol":"SPX","price":101.5,"prev_close":100,"change_pct":1.5,"ts":1}');
  assert.deepStrictEqual(event, {
    name: 'spot',
    data: { symbol: 'SPX', price: 101.5, change: 1.5, change_pct: 1.5, ts: 1 },
  });
});

test('the first day has no change', () => {
  assert.strictEqual(changeOf({ price: 1, prev_close: null }), null);
});

test('unknown channels are nothing', () => {
  assert.strictEqual(toEvent('other', '{}'), null);
});

test('models that are missing are empty', () => {
  assert.deepStrictEqual(gexRows(null), []);
  assert.strictEqual(heatmapTile(null), null);
});

test('a frame is what EventSource reads', () => {
  assert.strictEqual(frame({ name: 'spot', data: { a: 1 } }, 7), 'id: 7\nevent: spot\ndata: {"a":1}\n\n');
});

test('RESP in and out', () => {
  assert.strictEqual(encode(['GET', 'é']), '*2\r\n$3\r\nGET\r\n$2\r\né\r\n');
  assert.deepStrictEqual(parse(Buffer.from('*2\r\n$1\r\na\r\n:5\r\n')), [['a', 5], 15]);
  assert.strictEqual(parse(Buffer.from('$5\r\nab')), null);
});

test('signatures hold', () => {
  assert.strictEqual(verify(sign('t', 's'), 's'), 't');
  assert.strictEqual(verify(sign('t', 's'), 'other'), null);
});

test('routes go to their backends', () => {
  assert.strictEqual(backendOf('/api/trades/7'), 'journal');
  assert.strictEqual(backendOf('/api/leaderboard'), 'journal');
  assert.strictEqual(backendOf('/api/vexy/chat'), 'vexy_ai');
  assert.strictEqual(backendOf('/api/nothing'), null);
});
