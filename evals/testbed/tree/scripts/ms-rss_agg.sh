#!/usr/bin/env bash
# Start-up script of rss_agg.
set -euo pipefail
SERVICE="rss_agg"
ENTRY="services/rss_agg/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
