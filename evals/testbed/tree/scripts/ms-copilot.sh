#!/usr/bin/env bash
# Start-up script of copilot.
set -euo pipefail
SERVICE="copilot"
ENTRY="services/copilot/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
