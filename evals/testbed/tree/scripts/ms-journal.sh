#!/usr/bin/env bash
# Start-up script of journal.
set -euo pipefail
SERVICE="journal"
ENTRY="services/journal/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
