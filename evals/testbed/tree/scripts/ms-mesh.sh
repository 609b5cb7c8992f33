#!/usr/bin/env bash
# Start-up script of mesh.
set -euo pipefail
SERVICE="mesh"
ENTRY="services/mesh/main.py"
source "$(dirname "${BASH_SOURCE[0]}")/ms-lib.sh"
