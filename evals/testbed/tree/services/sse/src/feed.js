'use strict';
// market-redis -> hub: subscriptions with reconnect, and the models on request.

const { RedisClient } = require('./resp');
const { EVENT_NAMES, toEvent, gexRows, heatmapTile } = require('./transform');

const RECONNECT_MS = 2000;
const HEATMAPS = ['SPX', 'NDX'];

class Feed {
  constructor(config, logger, hub) {
    this.config = config;
    this.logger = logger;
    this.hub = hub;
    this.stopping = false;
    this.received = 0;
    this.subscriber = null;
    this.reader = null;
    this.intel = null;
  }

  async start() {
    const market = this.config.buses['market-redis'];
    this.reader = await new RedisClient(market).connect();
    this.logger.ok('market-redis connected');
    this.intel = await new RedisClient(this.config.buses['intel-redis']).connect();
    this.logger.ok('intel-redis connected');
    await this.subscribe();
  }

  async subscribe() {
    this.subscriber = new RedisClient(this.config.buses['market-redis'], {
      onMessage: (channel, raw) => this.onMessage(channel, raw),
      onLost: (error) => this.onLost(error),
    });
    await this.subscriber.connect();
    this.subscriber.subscribe(Object.keys(EVENT_NAMES));
    this.logger.ok(`subscribed to ${Object.keys(EVENT_NAMES).length} channels`, '📻');
  }

  onMessage(channel, raw) {
    this.received += 1;
    let event;
    try {
      event = toEvent(channel, raw);
    } catch (error) {
      if (error instanceof SyntaxError) return;
      throw error;
    }
    if (event) this.hub.publish(event);
  }

  onLost(error) {
    if (this.stopping) return;
    this.logger.error(`market-redis lost: ${error.message}`);
    setTimeout(() => this.resubscribe(), RECONNECT_MS);
  }

  async resubscribe() {
    try {
      await this.subscribe();
      this.reader = await new RedisClient(this.config.buses['market-redis']).connect();
    } catch (error) {
      this.onLost(error);
    }
  }

  async models() {
    const keys = HEATMAPS.map((symbol) => `massive:heatmap:model:${symbol}:latest`);
    const raw = await this.reader.command('MGET', 'massive:gex:model', ...keys);
    const [gex, ...heatmaps] = raw.map((value) => (value === null ? null : JSON.parse(value)));
    const insights = await this.intel.json('content:insights:latest');
    return {
      gex: gexRows(gex),
      heatmaps: heatmaps.map(heatmapTile).filter(Boolean),
      insights: insights ? insights.insights : [],
    };
  }

  close() {
    this.stopping = true;
    for (const client of [this.subscriber, this.reader, this.intel]) if (client) client.close();
  }
}

module.exports = { Feed };
