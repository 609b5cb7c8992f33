# Sourced by scripts/ms-<service>.sh: start, stop, status and run of one service.
# Expects SERVICE and ENTRY; LANG_CMD is "python" (default) or "node".

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PID_FILE="$ROOT/.pids/$SERVICE.pid"
STARTED_FILE="$ROOT/.pids/$SERVICE.started"
LOG_FILE="$ROOT/logs/$SERVICE.log"

export SERVICE_ID="$SERVICE"
export SYSTEM_REDIS_URL="${SYSTEM_REDIS_URL:-redis://127.0.0.1:6379}"
export MARKET_REDIS_URL="${MARKET_REDIS_URL:-redis://127.0.0.1:6380}"
export INTEL_REDIS_URL="${INTEL_REDIS_URL:-redis://127.0.0.1:6381}"
export PYTHONUNBUFFERED=1

if [[ "${LANG_CMD:-python}" == "node" ]]; then
  INTERPRETER="${MS_NODE:-node}"
else
  INTERPRETER="${MS_PYTHON:-$ROOT/.venv/bin/python}"
fi

running() {
  [[ -f "$PID_FILE" ]] && kill -0 "$(cat "$PID_FILE")" 2>/dev/null
}

banner() {
  {
    echo "════════════════════════════════════════════════════════"
    echo " Starting $SERVICE at $(date '+%Y-%m-%d %H:%M:%S')"
    echo " Command: $INTERPRETER $ROOT/$ENTRY"
    echo "════════════════════════════════════════════════════════"
  } >>"$LOG_FILE"
}

# In the foreground, as service_manager and supervisors start it.
run_service() {
  mkdir -p "$ROOT/logs" "$ROOT/.pids"
  cd "$ROOT"
  banner
  echo "$$" >"$PID_FILE"
  date -u '+%Y-%m-%dT%H:%M:%SZ' >"$STARTED_FILE"
  if [[ -n "${MS_MEMORY_KB:-}" ]]; then
    ulimit -v "$MS_MEMORY_KB"
  fi
  exec "$INTERPRETER" "$ROOT/$ENTRY" >>"$LOG_FILE" 2>&1 </dev/null
}

start_service() {
  if running; then
    echo "$SERVICE is already running (PID $(cat "$PID_FILE"))"
    return 0
  fi
  nohup "$0" run >/dev/null 2>&1 &
  echo "$SERVICE started"
}

stop_service() {
  if running; then
    kill -TERM "$(cat "$PID_FILE")"
    echo "$SERVICE told to stop"
  else
    echo "$SERVICE is not running"
  fi
  rm -f "$PID_FILE" "$STARTED_FILE"
}

case "${1:-start}" in
  run) run_service ;;
  start) start_service ;;
  stop) stop_service ;;
  restart) stop_service; sleep 1; start_service ;;
  status) if running; then echo "$SERVICE: running"; else echo "$SERVICE: stopped"; exit 1; fi ;;
  *) echo "usage: $0 run|start|stop|restart|status" >&2; exit 2 ;;
esac
