#!/usr/bin/env bash
# Start-up script of healer.
set -euo pipefail
SERVICE="healer"
ENTRY="services/healer/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
