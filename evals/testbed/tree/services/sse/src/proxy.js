'use strict';
// REST calls of the UI -> journal and vexy_ai.

const http = require('node:http');

const ROUTES = [
  [/^\/api\/(logs|trades|journals)(\/|$)/, 'journal'],
  [/^\/api\/leaderboard/, 'journal'],
  [/^\/api\/vexy\//, 'vexy_ai'],
];
const TIMEOUT_MS = 8000;

function backendOf(path) {
  const found = ROUTES.find(([pattern]) => pattern.test(path));
  return found ? found[1] : null;
}

function proxy(base, request, response, user, logger) {
  const target = new URL(request.url, base);
  const headers = { ...request.headers, host: target.host };
  if (user) headers['x-user'] = user;
  const upstream = http.request(target, { method: request.method, headers, timeout: TIMEOUT_MS }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  upstream.on('timeout', () => upstream.destroy(new Error('timed out')));
  upstream.on('error', (error) => {
    logger.warn(`${target.host} does not answer: ${error.code || error.message}`);
    if (!response.headersSent) response.writeHead(502, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ error: 'backend does not answer' }));
  });
  request.pipe(upstream);
}

module.exports = { backendOf, proxy, ROUTES };
