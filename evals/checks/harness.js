// Runs one hidden check of a Node service inside a box: `node harness.js CHECK.js`, like harness.py.
'use strict';
const { writeSync } = require('node:fs');

(async () => {
  const found = {};
  try {
    for (const [name, check] of Object.entries(require(process.argv[2]))) {
      try {
        await check();
        found[name] = null;
      } catch (error) {
        found[name] = String(error.stack || error).slice(-1500);
      }
    }
  } catch (error) {
    found.import = String(error.stack || error).slice(-1500);
  }
  writeSync(Number(process.env.AUTOHEALER_RESULT_FD), JSON.stringify(found));
  process.exit(0);
})();
