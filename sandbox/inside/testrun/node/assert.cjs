// Stands in a test file for node:assert, which cannot be heard when it is called itself.

"use strict";

module.exports = require("./claims.cjs").assert;
