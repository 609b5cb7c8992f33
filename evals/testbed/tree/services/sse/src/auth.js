'use strict';
// Sessions in a signed cookie.

const crypto = require('node:crypto');

function sign(token, secret) {
  const mac = crypto.createHmac('sha256', secret).update(token).digest('hex').slice(0, 32);
  return `${token}.${mac}`;
}

function verify(value, secret) {
  const [token, mac] = String(value || '').split('.');
  if (!token || !mac) return null;
  return sign(token, secret) === value ? token : null;
}

function cookie(request, name) {
  const header = request.headers.cookie || '';
  for (const part of header.split(';')) {
    const [key, ...rest] = part.trim().split('=');
    if (key === name) return rest.join('=');
  }
  return null;
}

async function userOf(request, store, secret) {
  const token = verify(cookie(request, 'ms_session'), secret);
  const session = token ? await store.session(token) : null;
  return session ? session.user : null;
}

module.exports = { sign, verify, cookie, userOf };
