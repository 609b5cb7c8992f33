'use strict';
// sse: Server-Sent Events gateway and UI backend (port 3001).

const { openStore } = require('./db');
const { Feed } = require('./feed');
const { Heartbeat } = require('./heartbeat');
const { Hub } = require('./hub');
const { Logger } = require('./logger');
const { Gateway } = require('./server');
const { loadConfig, logConfig } = require('./setup');

const SERVICE = 'sse';

async function main() {
  const logger = new Logger(SERVICE);
  logger.info('starting', '🚀');
  const config = await loadConfig(SERVICE, logger);
  logger.configure(config);
  logConfig(config, logger);

  const heartbeat = new Heartbeat(config, logger);
  const hub = new Hub(logger);
  const feed = new Feed(config, logger, hub);
  const store = await openStore(config, logger);
  const gateway = new Gateway(config, logger, { hub, feed, store });

  await feed.start();
  await gateway.listen();
  await heartbeat.start();

  const shutdown = async () => {
    heartbeat.stop();
    feed.close();
    hub.close();
    gateway.close();
    await store.close();
    logger.info('shutdown complete', '🛑');
    process.exit(0);
  };
  process.on('SIGTERM', shutdown);
  process.on('SIGINT', shutdown);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
