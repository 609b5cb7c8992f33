#!/usr/bin/env bash
# Start-up script of vigil.
set -euo pipefail
SERVICE="vigil"
ENTRY="services/vigil/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
