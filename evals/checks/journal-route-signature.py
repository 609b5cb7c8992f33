# ruff: noqa: N999
from harness import config, logger
from services.journal.intel.orchestrator import JournalOrchestrator

WANTED = {
    ("GET", "/health", "health"),
    ("GET", "/api/trades", "list_trades"),
    ("POST", "/api/trades", "create_trade"),
    ("GET", "/api/trades/{id}", "get_trade"),
    ("POST", "/api/trades/{id}/close", "close_trade"),
    ("DELETE", "/api/trades/{id}", "delete_trade"),
    ("GET", "/api/logs/summary", "log_summary"),
    ("GET", "/api/logs/equity", "log_equity"),
    ("GET", "/api/journals", "list_entries"),
    ("POST", "/api/journals", "create_entry"),
    ("GET", "/api/alerts", "list_alerts"),
    ("POST", "/api/alerts", "create_alert"),
    ("DELETE", "/api/alerts/{id}", "delete_alert"),
    ("GET", "/api/leaderboard", "leaderboard"),
}


def check_every_route_has_its_method_and_handler():
    routes = JournalOrchestrator(config(), logger("journal")).server._routes
    found = {
        (method, regex.pattern.strip("^$").replace("(?P<id>[^/]+)", "{id}"), handler.__name__)
        for method, regex, handler in routes
    }
    assert found == WANTED, found ^ WANTED
