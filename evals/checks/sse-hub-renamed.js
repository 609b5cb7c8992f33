const assert = require('node:assert');
const { readFileSync, readdirSync } = require('node:fs');
const { createRequire } = require('node:module');
const source = process.cwd() + '/services/sse/src/';

exports.check_every_module_that_is_required_is_there = () => {
  for (const name of readdirSync(source).filter((file) => file.endsWith('.js'))) {
    const from = createRequire(source + name);
    for (const [, path] of readFileSync(source + name, 'utf8').matchAll(/require\('(\.[^']+)'\)/g)) from.resolve(path);
  }
};

exports.check_the_hub_that_was_renamed_is_the_one = () => {
  const wanted = readFileSync(source + 'index.js', 'utf8').match(/Hub[^;]*require\('([^']+)'\)/);
  assert.ok(wanted, 'the entry point takes its hub from elsewhere');
  const { Hub } = createRequire(source + 'index.js')(wanted[1]);
  assert.strictEqual(typeof Hub.prototype.publish, 'function');
  assert.strictEqual(typeof Hub.prototype.add, 'function');
  readFileSync(source + 'broadcast.js');
};
