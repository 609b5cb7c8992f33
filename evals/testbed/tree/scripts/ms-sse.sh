#!/usr/bin/env bash
# Start-up script of sse (Node.js).
set -euo pipefail
SERVICE="sse"
ENTRY="services/sse/src/index.js"
LANG_CMD="node"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
