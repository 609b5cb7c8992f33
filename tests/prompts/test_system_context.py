"""Every fact about MarketSwarm that a diagnosis may need stands in the system context.

A fact is a name and what has to stand together in one line, list item or paragraph of the text.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.diagnosis import Category

TEXT = (Path(__file__).parents[2] / "prompts" / "system_context.md").read_text(encoding="utf-8")
TOKENS = 4_500


def blocks(text: str) -> list[str]:
    """Paragraphs, list items and table rows, each on one line; a fact stands in one of them."""
    found: list[str] = []
    for paragraph in text.split("\n\n"):
        for line in paragraph.split("\n"):
            starts = re.match(r"[-|#]|\d\. ", line) is not None
            if starts or not found or line == paragraph.split("\n")[0]:
                found.append(line)
            else:
                found[-1] += " " + line.strip()
    return found


BLOCKS = blocks(TEXT)

PLATFORM = [
    ("processes", "Python", "asyncio", "Node.js", "Redis", "Truth", "real time"),
    ("system-redis", "system-redis", "6379", "heartbeats", "Truth", "coordination", "alert sync"),
    (
        "market-redis",
        "market-redis",
        "6380",
        "live market data",
        "snapshots of models",
        "SSE streams",
        "1 GB",
    ),
    ("intel-redis", "intel-redis", "6381", "RSS", "enriched articles", "ML data", "1500 keys"),
    ("loopback", "Redis", "three", r"127\.0\.0\.1"),
    ("memory policy", "maxmemory: 0", "noeviction"),
    ("truth key", "JSON", "system-redis", "`truth`"),
    (
        "truth sources",
        r"truth/mm_node\.json",
        r"truth/components/\{service\}\.json",
        r"scripts/ms-build-truth\.sh",
    ),
    ("truth at start", r"SetupBase\.load\(\)", r"shared/setup_base\.py", "at start"),
    ("mysql address", r"127\.0\.0\.1:3306", "user `fotw_app`", "database `fotw_app`"),
    ("mysql journal", "journal", r"mysql\.connector", "trades", "positions", "journals", "alerts", "ML"),
    ("mysql sse", "sse", "mysql2/promise", "users", "sessions", "economic indicators"),
]

LIFECYCLE = [
    ("step 1", r"^1\.", "project root", r"sys\.path"),
    ("step 2", r"^2\.", r"LogUtil\(service_name\)"),
    ("step 3", r"^3\.", r"SetupBase\(service_name, logger\)\.load\(\)", "Truth"),
    ("step 4", r"^4\.", r"shared\.heartbeat\.start_heartbeat\(\)"),
    ("step 5", r"^5\.", "async orchestrator loop"),
    ("step 6", r"^6\.", "SIGINT", "SIGTERM", "shuts down"),
]

# name, port, buses beside system-redis, what it depends on
SERVICES = [
    ("massive", "none", "market", "Redis alone"),
    ("sse", "3001", "market, intel", "massive, journal, vexy_ai"),
    ("journal", "3002", "market", "MySQL"),
    ("copilot", "8095", "market", "massive"),
    ("vexy_ai", "3005", "market, intel", "massive, rss_agg, vigil"),
    ("rss_agg", "none", "intel", "OpenAI API key"),
    ("content_anal", "none", "intel", "rss_agg"),
    ("vigil", "none", "market", r"massive \(spot data\)"),
    ("healer", "none", "none", "all.*heartbeats"),
    ("mesh", "none", "none", "nothing"),
]

DOES = [
    ("entry points", r"services/<name>/main\.py", "except for sse", r"system-redis \(6379\)"),
    ("massive", "WebSocket", "provider", "market-redis", "spot prices", "options chains", "GEX heatmaps", "analytics"),
    ("sse", r"services/sse/src/index\.js", "Node.js", "UI", "SSE gateway", "Server-Sent Events", "React",
     r"journal \(3002\)", r"vexy_ai \(3005\)", "authentication", "sessions"),
    ("journal", "FastAPI", "trade logs", "positions", "playbooks", "alerts", "leaderboard", "analytics",
     r"db_v2\.py.*MySQL CRUD", r"orchestrator\.py.*FastAPI routes.*business logic"),
    ("copilot", "AI analysis", "MEL", "effective", "ADI", "canonical data", "Commentary", "alerts"),
    ("vexy_ai", "FastAPI", "play by play", "epochs", "events", "voice agents", "chat", "routine", "journal", "playbook"),
    ("rss_agg", "ingest", "fetch", "enrichment", "LLM", "intel-redis"),
    ("content_anal", "LLM", "enriched articles of rss_agg", "synthetic insights"),
    ("vigil", "price moves", "VIX spikes", "vexy_ai"),
]  # fmt: skip

SHARED = [
    ("place", "/Users/ernie/MarketSwarm/shared/"),
    ("logutil", "Two phases", "console only", "Truth", "ERROR 0", "WARN 1", "INFO 2", "DEBUG 3", "LOG_LEVEL"),
    ("logutil format", r"\[timestamp\]\[service_name\]\[LEVEL\] emoji message"),
    ("logutil calls", r'logger = LogUtil\("name"\)', r'logger\.info\("text", emoji="..."\)', r'logger\.error\("text"\)'),
    ("no exception()", "no", r"logger\.exception\(\)", r'logger\.error\(f"\.\.\.: \{exc\}"\)'),
    ("setup_base", r"config = await SetupBase\(SERVICE_NAME, logger\)\.load\(\)", "system-redis",
     r'truth\["components"\]\[service_name\]', "Shell variables override", r"\$\{VAR\}", "left out"),
    ("setup_base dict", "service_name", "meta", "inputs", "outputs", "heartbeat", "models", "buses",
     "shared_resources", "every env var", "structural blocks"),
    ("heartbeat thread", r"threading\.Thread", "daemon=True", "beside asyncio", r"\{service\}:heartbeat", "system-redis",
     r'config\["heartbeat"\]\["interval_sec"\]', "EX", r'config\["heartbeat"\]\["ttl_sec"\]'),
    ("heartbeat payload", r'\{"service": name, "ts": unix_timestamp, "pid": os\.getpid\(\), "status": "running"\}'),
    ("heartbeat meaning", "Key present: alive", "expired: dead", r"threading\.Event"),
    ("heartbeat history", "once", r"logger\.exception\(\)", r"logger\.error\(\)"),
    ("ai_client", r"await call_ai\(system_prompt, user_message, config, ai_config, logger\)", "Async",
     r"XAI \(grok-4\) first", r"OpenAI\s+\(gpt-4o-mini\)"),
    ("ai_client keys", "config dict, then `config.env`, then the shell environment"),
]  # fmt: skip

LAYOUT = [
    ("root", "/Users/ernie/MarketSwarm/"),
    ("python", r"/Users/ernie/MarketSwarm/\.venv/bin/python", "system's Python lacks"),
    ("services", r"services/\{name\}/main\.py", r"services/\{name\}/intel/", "entry point", "business logic"),
    ("sse", r"services/sse/src/index\.js", "Node.js"),
    ("shared", r"shared/\*\.py", "logutil", "heartbeat", "setup_base", "ai_client"),
    ("truth", r"truth/mm_node\.json", r"truth/components/\{service\}\.json", "root"),
    ("admin", r"scripts/service_manager\.py", "admin server", "ServiceManager"),
    ("start scripts", r"scripts/ms-\{service\}\.sh", "starts one service"),
    ("truth builder", r"scripts/ms-build-truth\.sh", "publishes"),
    ("dashboard", "scripts/admin_ui/", "HTML", "CSS", "JS"),
    ("logs", r"logs/\{service\}\.log", "stdout and stderr"),
    ("pids", r"\.pids/\{service\}\.pid", r"\.pids/\{service\}\.started", "ISO 8601"),
    ("venv", r"\.venv/", "virtual environment"),
    ("ui", "`ui/`", "React", "Vite"),
    ("environment", "SERVICE_ID", r"SYSTEM_REDIS_URL.*redis://127\.0\.0\.1:6379",
     r"MARKET_REDIS_URL.*redis://127\.0\.0\.1:6380", r"INTEL_REDIS_URL.*redis://127\.0\.0\.1:6381", "PYTHONUNBUFFERED=1"),
]  # fmt: skip

TRAFFIC = [
    ("spot", r"massive:spot", "live spot prices", "SPX", "NDX", "VIX"),
    ("alert events", "copilot:alerts:events", "alerts", "triggered"),
    ("commentary", "copilot:commentary:message", "observations"),
    ("playbyplay", "vexy:model:playbyplay", "epochs", "events"),
    ("vigil events", "vigil:events", "detected"),
    ("alert sync", "alerts:sync", "system-redis", "the others on market-redis", "journal tells copilot"),
    ("keys are in market-redis", "key in market-redis"),
    ("heatmap", r"massive:heatmap:model:\{symbol\}:latest", "GEX heatmap"),
    ("gex", "massive:gex:model", "GEX model"),
    ("chain", "massive:chain:latest", "options chain"),
    ("mel", "copilot:mel:snapshot", "effectiveness scores"),
    ("adi", "copilot:adi:snapshot", "canonical state"),
    ("routes", r"/api/logs/\*", r"/api/trades/\*", r"/api/journals/\*", r"/api/leaderboard\*", r"journal \(localhost:3002\)",
     r"/api/vexy/\*", r"vexy_ai \(localhost:3005\)"),
    ("fast beats", "massive, journal, copilot and sse", "every 5 s", "TTL of 15 s"),
    ("slow beats", "vexy_ai and content_anal", "every 15 s with 45 s"),
    ("collector", "HealthCollector", "every 15 s", "`service_down`", "expired AND the PID is dead"),
]  # fmt: skip

PATTERNS = [
    ("redis_connection", "ConnectionRefusedError", r"redis\.exceptions\.ConnectionError", "hangs at start",
     "down", "URL is wrong", r"\| no, infrastructure"),
    ("redis_connection: which", "redis_connection", "6379, 6380, 6381", "which Redis"),
    ("truth_load", "Truth key 'truth' not found", r"Component '\{name\}' missing in Truth", "unpublished",
     "no component id", "only a wrong service_name constant", r"ms-build-truth\.sh"),
    ("import_module", "ModuleNotFoundError", "ImportError", "AttributeError: module has no attribute", "import forgotten",
     "wrong path", "refactored", r"yes for an import in `services/\{name\}/`", "no in `shared/`"),
    ("import_module: typical", "from shared.X import Y", "renamed or removed"),
    ("asyncio_task", "Task exception was never retrieved", "CancelledError", "orchestrator loop", "try/except",
     "bad data from Redis", "division by zero", "yes", "handling the exception in the orchestrator"),
    ("asyncio_task: where", "asyncio_task", r"massive \(workers\)", r"journal \(background tasks\)", r"copilot \(eval"),
    ("external_api_timeout", "`TimeoutError`", r"asyncio\.TimeoutError", r"aiohttp\.ClientError", "provider down",
     "rate limit", "bad API key", "only a time-out set too tight", "else no"),
    ("websocket", "massive only", r"received 1008 \(policy violation\)", "WebSocket connection closed", "auth",
     "rate limit", "protocol", "no: transient or configuration", "reconnects by itself after 5 s"),
    ("port_conflict", "EADDRINUSE", "Address already in use", "earlier instance", r"no: `kill \$\(lsof -ti:\{port\}\)`"),
    ("mysql_connection", r"mysql\.connector\.errors\.InterfaceError", "Can't connect to MySQL server", "MySQL down",
     "credentials", "no such database", r"\| no, infrastructure"),
    ("mysql_connection: who", "mysql_connection", r"journal \(3002\)", r"sse \(3001\)"),
    ("bad_data", "KeyError", "TypeError: 'NoneType'", "AttributeError", "absent or of another shape", "yes",
     "None and missing keys"),
    ("bad_data: typical", r'redis\.get\("massive:spot"\)', "before massive runs"),
]  # fmt: skip

CHECKLIST = [
    ("log first", r"^1\. \*\*Log", "last exception", "type gives the category"),
    ("then the category", r"^2\. \*\*Category", "table", "bug in code, or infrastructure"),
    ("then the traceback", r"^3\. \*\*Traceback", r"services/\{name\}/.*can be mended", "shared/.*libraries cannot"),
    ("then dependencies", r"^4\. \*\*Dependencies", "Health snapshot", "copilot crashed, massive down", "missing data"),
    ("then the verdict", r"^5\. \*\*Verdict", "import error", "exception not handled", "wrong logic", "Redis or MySQL down",
     "port conflict", "shared code", "transient", "outside API", "dead upstream"),
]  # fmt: skip

FACTS = [*PLATFORM, *LIFECYCLE, *DOES, *SHARED, *LAYOUT, *TRAFFIC, *PATTERNS, *CHECKLIST]


@pytest.mark.parametrize("fact", FACTS, ids=[fact[0] for fact in FACTS])
def test_the_fact_is_told(fact: tuple[str, ...]) -> None:
    needed = fact[1:]
    best = max(BLOCKS, key=lambda block: sum(re.search(part, block) is not None for part in needed))

    assert [part for part in needed if not re.search(part, best)] == []


@pytest.mark.parametrize(
    ("name", "port", "buses", "needs"), SERVICES, ids=[service[0] for service in SERVICES]
)
def test_the_service_stands_in_the_inventory(name: str, port: str, buses: str, needs: str) -> None:
    row = next(block for block in BLOCKS if block.startswith(f"| {name} |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]

    assert cells[1:3] == [port, buses]
    assert re.search(needs, cells[3])


def test_the_inventory_has_no_other_service() -> None:
    heading = next(number for number, block in enumerate(BLOCKS) if block.startswith("| service |"))
    rows = []
    for block in BLOCKS[heading + 2 :]:
        if not block.startswith("|"):
            break
        rows.append(block.split("|")[1].strip())

    assert rows == [service[0] for service in SERVICES]


def test_the_fault_categories_are_the_fixed_ids() -> None:
    told = {pattern[0] for pattern in PATTERNS if ":" not in pattern[0]}

    assert told <= {category.value for category in Category}
    assert len(told) == 9


def test_every_category_that_a_diagnosis_may_name_is_explained() -> None:
    rows = [block.split("|")[1].split()[0] for block in BLOCKS if block.startswith("| ")]

    assert [category.value for category in Category if rows.count(category.value) != 1] == []


def test_it_fits_the_prompt() -> None:
    assert len(TEXT) / 4 <= TOKENS
    assert TEXT.isprintable() or set(re.findall(r"[^\x20-\x7e]", TEXT)) == {"\n"}
