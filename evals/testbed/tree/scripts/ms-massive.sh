#!/usr/bin/env bash
# Start-up script of massive.
set -euo pipefail
SERVICE="massive"
ENTRY="services/massive/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
