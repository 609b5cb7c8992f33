'use strict';
// Redis messages and models -> what the React frontend takes.

const EVENT_NAMES = {
  'massive:spot': 'spot',
  'copilot:alerts:events': 'alert',
  'copilot:commentary:message': 'commentary',
  'vexy:model:playbyplay': 'vexy',
  'vigil:events': 'market_event',
};
const MAX_CELLS = 60;

function toEvent(channel, raw) {
  const name = EVENT_NAMES[channel];
  if (!name) return null;
  const data = JSON.parse(raw);
  return { name, data: name === 'spot' ? spotTick(data) : data };
}

function spotTick(quote) {
  return {
    symbol: quote.symbol,
    price: quote.price,
    change: changeOf(quote),
    change_pct: quote.change_pct ?? null,
    ts: quote.ts,
  };
}

/** Points since the previous close; null on an instrument's first day. */
function changeOf(quote) {
  if (quote.prev_close === null || quote.prev_close === undefined) return null;
  return Math.round((quote.price - quote.prev_close) * 100) / 100;
}

function gexRows(model) {
  if (!model) return [];
  return Object.values(model.symbols || {}).map((symbol) => ({
    symbol: symbol.symbol,
    net: symbol.net,
    call_wall: symbol.call_wall,
    put_wall: symbol.put_wall,
    zero_gamma: symbol.zero_gamma ?? null,
  }));
}

function heatmapTile(heatmap) {
  if (!heatmap) return null;
  const cells = (heatmap.cells || []).slice(0, MAX_CELLS);
  return {
    symbol: heatmap.symbol,
    spot: heatmap.spot,
    cells: cells.map((cell) => [cell.strike, cell.intensity, cell.volume]),
  };
}

function frame(event, id) {
  return `id: ${id}\nevent: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`;
}

module.exports = { toEvent, spotTick, changeOf, gexRows, heatmapTile, frame, EVENT_NAMES };
