'use strict';
// Users, sessions, economic indicators: MySQL through mysql2/promise, else memory.

const crypto = require('node:crypto');

class MemoryStore {
  constructor() {
    this.kind = 'memory';
    this.sessions = new Map();
    this.indicators = [
      { name: 'FOMC', when: '2026-03-18T18:00:00Z', weight: 3 },
      { name: 'CPI', when: '2026-03-11T12:30:00Z', weight: 3 },
    ];
  }

  async createSession(user) {
    const token = crypto.randomBytes(18).toString('hex');
    this.sessions.set(token, { user, created: Date.now() });
    return token;
  }

  async session(token) { return this.sessions.get(token) || null; }
  async econIndicators() { return this.indicators; }
  async close() { this.sessions.clear(); }
}

class MySqlStore {
  constructor(pool) {
    this.kind = 'mysql';
    this.pool = pool;
  }

  async createSession(user) {
    const token = crypto.randomBytes(18).toString('hex');
    await this.pool.execute('INSERT INTO sessions (token, user) VALUES (?, ?)', [token, user]);
    return token;
  }

  async session(token) {
    const [rows] = await this.pool.execute('SELECT user, created FROM sessions WHERE token = ?', [token]);
    return rows[0] || null;
  }

  async econIndicators() {
    const [rows] = await this.pool.execute('SELECT name, happens_at AS `when`, weight FROM econ_indicators');
    return rows;
  }

  async close() { await this.pool.end(); }
}

async function openStore(config, logger) {
  const required = String(config.env.MYSQL_REQUIRED || 'false') === 'true';
  let mysql;
  try {
    mysql = require('mysql2/promise');
  } catch (error) {
    if (required) throw error;
    logger.warn('mysql2 is not installed: sessions in memory');
    return new MemoryStore();
  }
  const pool = mysql.createPool({
    host: config.env.MYSQL_HOST,
    port: Number(config.env.MYSQL_PORT || 3306),
    user: config.env.MYSQL_USER,
    password: config.env.MYSQL_PASSWORD,
    database: config.env.MYSQL_DATABASE,
  });
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    if (required) throw error;
    logger.warn(`MySQL cannot be reached, sessions in memory: ${error.code}`);
    await pool.end();
    return new MemoryStore();
  }
  return new MySqlStore(pool);
}

module.exports = { openStore, MemoryStore };
