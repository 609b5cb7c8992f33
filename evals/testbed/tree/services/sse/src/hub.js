'use strict';
// The connected browsers, and what they missed.

const { frame } = require('./transform');

const KEPT = 200;
const PING_MS = 15000;

class Hub {
  constructor(logger) {
    this.logger = logger;
    this.clients = new Set();
    this.recent = [];
    this.nextId = 1;
    this.sent = 0;
    this.timer = setInterval(() => this.ping(), PING_MS);
    this.timer.unref();
  }

  add(response, lastId) {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache',
      Connection: 'keep-alive',
    });
    response.write(': welcome\n\n');
    for (const item of this.recent) {
      if (lastId && item.id > lastId) response.write(item.text);
    }
    this.clients.add(response);
    response.on('close', () => this.clients.delete(response));
  }

  publish(event) {
    const id = this.nextId;
    this.nextId += 1;
    const text = frame(event, id);
    this.recent.push({ id, text });
    if (this.recent.length > KEPT) this.recent.shift();
    for (const client of this.clients) {
      client.write(text);
      this.sent += 1;
    }
  }

  ping() {
    for (const client of this.clients) client.write(': ping\n\n');
  }

  close() {
    clearInterval(this.timer);
    for (const client of this.clients) client.end();
    this.clients.clear();
  }
}

module.exports = { Hub };
