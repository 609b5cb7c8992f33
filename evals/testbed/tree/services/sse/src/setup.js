'use strict';
// What shared/setup_base.py is for Python: the service's configuration, out of Truth.

const { RedisClient } = require('./resp');

const TEMPLATE = /^\$\{([A-Z0-9_]+)\}$/;
const SECRET = /KEY|SECRET|PASSWORD|TOKEN|WEBHOOK/;
const BUS_ENV = {
  'system-redis': 'SYSTEM_REDIS_URL',
  'market-redis': 'MARKET_REDIS_URL',
  'intel-redis': 'INTEL_REDIS_URL',
};

function resolveEnv(defaults) {
  const resolved = {};
  for (const [key, value] of Object.entries(defaults)) {
    if (process.env[key] !== undefined) {
      resolved[key] = process.env[key];
      continue;
    }
    const match = typeof value === 'string' ? TEMPLATE.exec(value) : null;
    if (!match) resolved[key] = value;
    else if (process.env[match[1]] !== undefined) resolved[key] = process.env[match[1]];
  }
  return resolved;
}

function busUrls(truth) {
  const urls = {};
  for (const [name, bus] of Object.entries(truth.buses || {})) urls[name] = bus.url;
  for (const [name, variable] of Object.entries(BUS_ENV)) {
    if (process.env[variable]) urls[name] = process.env[variable];
  }
  return urls;
}

async function loadConfig(service, logger) {
  const url = process.env.SYSTEM_REDIS_URL || 'redis://127.0.0.1:6379';
  logger.info(`loading Truth from ${url}`, '📖');
  const client = await new RedisClient(url).connect();
  const truth = await client.json('truth');
  client.close();
  if (!truth) throw new Error("Truth key 'truth' not found (run scripts/ms-build-truth.sh)");
  const component = (truth.components || {})[service];
  if (!component) throw new Error(`Component '${service}' missing in Truth`);
  const http = (component.outputs || {}).http || {};
  logger.ok(`Truth loaded (version ${truth.version}, node ${truth.node})`);
  return {
    service,
    buses: busUrls(truth),
    env: resolveEnv(component.env || {}),
    heartbeat: component.heartbeat || {},
    port: Number(process.env.SSE_PORT || http.port || 3001),
    backends: backends(truth),
  };
}

/** Where the REST calls go: the ports that Truth has for journal and vexy_ai. */
function backends(truth) {
  const port = (name, fallback) => (((truth.components || {})[name] || {}).outputs || {}).http?.port || fallback;
  return {
    journal: `http://127.0.0.1:${process.env.JOURNAL_PORT || port('journal', 3002)}`,
    vexy_ai: `http://127.0.0.1:${process.env.VEXY_AI_PORT || port('vexy_ai', 3005)}`,
  };
}

function logConfig(config, logger) {
  logger.info('configuration:', '🧾');
  for (const bus of Object.keys(config.buses).sort()) logger.info(`  bus ${bus} = ${config.buses[bus]}`, '·');
  for (const key of Object.keys(config.env).sort()) {
    logger.info(`  ${key} = ${SECRET.test(key) ? '********' : config.env[key]}`, '·');
  }
  logger.info(`  http port = ${config.port}`, '·');
}

module.exports = { loadConfig, logConfig, resolveEnv, busUrls, backends };
