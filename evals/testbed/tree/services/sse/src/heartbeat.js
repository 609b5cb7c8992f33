'use strict';
// `sse:heartbeat` in system-redis. Unlike the Python services: no pid, and milliseconds.

const { RedisClient } = require('./resp');

class Heartbeat {
  constructor(config, logger) {
    this.logger = logger;
    this.service = config.service;
    this.url = config.buses['system-redis'];
    const interval = process.env.HEARTBEAT_INTERVAL_SEC || config.heartbeat.interval_sec || 5;
    this.intervalMs = Number(interval) * 1000;
    this.ttl = Math.trunc(Number(process.env.HEARTBEAT_TTL_SEC || config.heartbeat.ttl_sec || 15));
    this.client = null;
    this.timer = null;
    this.failing = false;
  }

  async start() {
    this.logger.info(`heartbeat started (${this.service}:heartbeat)`, '💓');
    await this.beat();
    this.timer = setInterval(() => this.beat(), this.intervalMs);
  }

  async beat() {
    const payload = JSON.stringify({ service: this.service, ts: Date.now(), status: 'running' });
    try {
      if (!this.client || !this.client.socket) this.client = await new RedisClient(this.url).connect(2000);
      await this.client.command('SET', `${this.service}:heartbeat`, payload, 'EX', this.ttl);
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.logger.error(`heartbeat failed: ${error.message}`);
      this.failing = true;
    }
  }

  stop() {
    clearInterval(this.timer);
    if (this.client) this.client.close();
  }
}

module.exports = { Heartbeat };
