'use strict';
// HTTP: the event stream, the models, sessions, and everything else to its backend.

const http = require('node:http');

const { sign, userOf } = require('./auth');
const { backendOf, proxy } = require('./proxy');

function send(response, status, value, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

function readBody(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    request.on('error', reject);
  });
}

class Gateway {
  constructor(config, logger, { hub, feed, store }) {
    Object.assign(this, { config, logger, hub, feed, store });
    this.secret = config.env.SSE_SESSION_SECRET || 'unset';
    this.started = Date.now();
    this.server = http.createServer((request, response) => {
      this.route(request, response).catch((error) => {
        logger.error(`${request.method} ${request.url} failed: ${error.message}`);
        if (!response.headersSent) send(response, 500, { error: 'internal error' });
      });
    });
  }

  listen() {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.config.port, '127.0.0.1', () => {
        this.logger.ok(`HTTP listening on 127.0.0.1:${this.config.port}`, '🌐');
        resolve();
      });
    });
  }

  async route(request, response) {
    const path = new URL(request.url, 'http://localhost').pathname;
    if (path === '/api/health') return send(response, 200, this.health());
    if (path === '/sse/all') return this.hub.add(response, Number(request.headers['last-event-id'] || 0));
    if (path === '/api/models') return send(response, 200, await this.feed.models());
    if (path === '/api/econ') return send(response, 200, { indicators: await this.store.econIndicators() });
    if (path === '/api/login' && request.method === 'POST') return this.login(request, response);
    const backend = backendOf(path);
    if (!backend) return send(response, 404, { error: 'not found' });
    const user = await userOf(request, this.store, this.secret);
    return proxy(this.config.backends[backend], request, response, user, this.logger);
  }

  async login(request, response) {
    const { user } = JSON.parse((await readBody(request)) || '{}');
    if (!user) return send(response, 400, { error: "'user' is missing" });
    const value = sign(await this.store.createSession(user), this.secret);
    return send(response, 200, { user }, { 'Set-Cookie': `ms_session=${value}; HttpOnly; Path=/` });
  }

  health() {
    return {
      status: 'healthy',
      service: 'sse',
      clients: this.hub.clients.size,
      received: this.feed.received,
      storage: this.store.kind,
      uptime_sec: Math.round((Date.now() - this.started) / 1000),
    };
  }

  close() {
    this.server.close();
    this.server.closeAllConnections?.();
  }
}

module.exports = { Gateway };
