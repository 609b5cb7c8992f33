#!/usr/bin/env bash
# Start-up script of content_anal.
set -euo pipefail
SERVICE="content_anal"
ENTRY="services/content_anal/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
