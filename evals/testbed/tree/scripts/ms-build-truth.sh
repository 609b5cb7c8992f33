#!/usr/bin/env bash
# Build Truth out of truth/ and publish it to system-redis.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PYTHON="${MS_PYTHON:-$ROOT/.venv/bin/python}"
export SYSTEM_REDIS_URL="${SYSTEM_REDIS_URL:-redis://127.0.0.1:6379}"
exec "$PYTHON" "$ROOT/scripts/build_truth.py" "$@"
