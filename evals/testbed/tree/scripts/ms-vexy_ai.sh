#!/usr/bin/env bash
# Start-up script of vexy_ai.
set -euo pipefail
SERVICE="vexy_ai"
ENTRY="services/vexy_ai/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
