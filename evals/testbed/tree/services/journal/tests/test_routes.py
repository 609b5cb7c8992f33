"""Routes through FastAPI's test client. Not ported since journal left FastAPI."""

from fastapi.testclient import TestClient

from services.journal.intel.orchestrator import create_app

client = TestClient(create_app())


def test_health():
    assert client.get("/health").json()["status"] == "healthy"


def test_trades_are_listed():
    assert client.get("/api/trades").json() == {"trades": []}
