'use strict';
// A small Redis client over node's net: RESP2, pipelined, one socket. Enough for GET, SET, MGET,
// PING and SUBSCRIBE, so that the gateway needs no package.

const net = require('node:net');

class RespError extends Error {}

/** Parse one RESP value out of a buffer at an offset: [value, next offset], or null if it is not complete. */
function parse(buffer, offset = 0) {
  const end = buffer.indexOf('\r\n', offset);
  if (end < 0) return null;
  const type = String.fromCharCode(buffer[offset]);
  const head = buffer.toString('utf8', offset + 1, end);
  const next = end + 2;
  if (type === '+') return [head, next];
  if (type === '-') return [new RespError(head), next];
  if (type === ':') return [Number(head), next];
  if (type === '$') return parseBulk(buffer, Number(head), next);
  if (type === '*') return parseArray(buffer, Number(head), next);
  throw new RespError(`protocol error: ${JSON.stringify(type)}`);
}

function parseBulk(buffer, length, start) {
  if (length < 0) return [null, start];
  if (buffer.length < start + length + 2) return null;
  return [buffer.toString('utf8', start, start + length), start + length + 2];
}

function parseArray(buffer, count, start) {
  if (count < 0) return [null, start];
  const values = [];
  let position = start;
  for (let index = 0; index < count; index += 1) {
    const parsed = parse(buffer, position);
    if (parsed === null) return null;
    values.push(parsed[0]);
    position = parsed[1];
  }
  return [values, position];
}

function encode(words) {
  const parts = [`*${words.length}\r\n`];
  for (const word of words) {
    const text = String(word);
    parts.push(`$${Buffer.byteLength(text)}\r\n${text}\r\n`);
  }
  return parts.join('');
}

class RedisClient {
  constructor(url, { onMessage = null, onLost = null } = {}) {
    const parsed = new URL(url);
    this.host = parsed.hostname;
    this.port = Number(parsed.port || 6379);
    this.onMessage = onMessage;
    this.onLost = onLost;
    this.waiting = [];
    this.buffer = Buffer.alloc(0);
    this.socket = null;
    this.closed = false;
  }

  connect(timeoutMs = 5000) {
    return new Promise((resolve, reject) => {
      const socket = net.createConnection({ host: this.host, port: this.port });
      socket.setTimeout(timeoutMs, () => socket.destroy(new Error('connect timed out')));
      socket.once('connect', () => {
        socket.setTimeout(0);
        this.socket = socket;
        resolve(this);
      });
      socket.on('error', (error) => { reject(error); this.fail(error); });
      socket.on('close', () => this.fail(new Error('connection closed')));
      socket.on('data', (data) => this.take(data));
    });
  }

  take(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      const parsed = parse(this.buffer);
      if (parsed === null) return;
      this.buffer = this.buffer.subarray(parsed[1]);
      this.deliver(parsed[0]);
    }
  }

  deliver(value) {
    if (Array.isArray(value) && value[0] === 'message' && this.onMessage) {
      this.onMessage(value[1], value[2]);
      return;
    }
    const waiter = this.waiting.shift();
    if (!waiter) return;
    if (value instanceof RespError) waiter.reject(value);
    else waiter.resolve(value);
  }

  fail(error) {
    const waiting = this.waiting;
    this.waiting = [];
    for (const waiter of waiting) waiter.reject(error);
    if (this.socket && !this.closed && this.onLost) this.onLost(error);
    this.socket = null;
  }

  command(...words) {
    return new Promise((resolve, reject) => {
      if (!this.socket) {
        reject(new Error(`not connected to ${this.host}:${this.port}`));
        return;
      }
      this.waiting.push({ resolve, reject });
      this.socket.write(encode(words));
    });
  }

  async json(key) {
    const raw = await this.command('GET', key);
    return raw === null ? null : JSON.parse(raw);
  }

  subscribe(channels) {
    for (const channel of channels) this.socket.write(encode(['SUBSCRIBE', channel]));
  }

  close() {
    this.closed = true;
    if (this.socket) this.socket.destroy();
    this.socket = null;
  }
}

module.exports = { RedisClient, RespError, parse, encode };
