'use strict';
// The same lines as shared/logutil.py: [timestamp][service][LEVEL] emoji message

const LEVELS = { ERROR: 0, WARN: 1, INFO: 2, DEBUG: 3 };
const EMOJI = { ERROR: '❌', WARN: '⚠️', INFO: 'ℹ️', DEBUG: '🔍' };

class Logger {
  constructor(service) {
    this.service = service;
    this.level = LEVELS[(process.env.LOG_LEVEL || 'INFO').toUpperCase()] ?? LEVELS.INFO;
  }

  configure(config) {
    const level = process.env.LOG_LEVEL || config.env.LOG_LEVEL;
    if (level) this.level = LEVELS[String(level).toUpperCase()] ?? this.level;
  }

  emit(level, message, emoji) {
    if (LEVELS[level] > this.level) return;
    const now = new Date();
    const two = (value) => String(value).padStart(2, '0');
    const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
    const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
    process.stdout.write(`[${day} ${time}][${this.service}][${level}] ${emoji || EMOJI[level]} ${message}\n`);
  }

  error(message, emoji) { this.emit('ERROR', message, emoji); }
  warn(message, emoji) { this.emit('WARN', message, emoji); }
  info(message, emoji) { this.emit('INFO', message, emoji); }
  ok(message, emoji = '✅') { this.emit('INFO', message, emoji); }
  debug(message, emoji) { this.emit('DEBUG', message, emoji); }
}

module.exports = { Logger };
