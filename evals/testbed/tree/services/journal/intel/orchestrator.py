"""journal: HTTP routes and what they do, and the marks in the background."""

import asyncio
import dataclasses
import time

from services.journal.intel import analytics
from services.journal.intel.alert_sync import AlertSync
from services.journal.intel.db_v2 import open_database
from services.journal.intel.leaderboard import ranking
from services.journal.intel.marks import KEY as MARKS_KEY
from services.journal.intel.marks import SPOT_KEY, mark_positions
from services.journal.intel.records import Trade, parse_alert, parse_trade, require
from shared.httpd import HttpError, HttpServer
from shared.redis_io import connect, read_model, write_model
from shared.setup_base import bus_url

TRADE_FIELDS = {field.name for field in dataclasses.fields(Trade)}
DEFAULT_USER = "demo"


class JournalOrchestrator:
    def __init__(self, config, logger):
        self.config = config
        self.logger = logger
        self.market = connect(bus_url(config, "market-redis"))
        self.system = connect(bus_url(config, "system-redis"))
        self.alerts = AlertSync(self.system, logger)
        self.server = HttpServer("journal", logger)
        self.db = None
        self.started = time.time()
        self._add_routes()

    async def run(self, stop):
        self.db = open_database(self.config, self.logger)
        await self.alerts.replace_all(self.db.list("alerts"))
        port = int(self.config["outputs"]["http"]["port"])
        await self.server.start("127.0.0.1", port)
        interval = float(self.config.get("JOURNAL_MARK_INTERVAL_SEC", 2))
        await self.mark_loop(stop, interval)

    async def close(self):
        await self.server.stop()
        if self.db is not None:
            self.db.close()
        await self.market.aclose()
        await self.system.aclose()

    async def mark_loop(self, stop, interval):
        """Mark open positions every `interval` seconds until stopped."""
        while not stop.is_set():
            try:
                spot = await read_model(self.market, SPOT_KEY)
                await write_model(self.market, MARKS_KEY, mark_positions(self.trades(), spot), ttl_sec=60)
            except OSError as exc:
                self.logger.error(f"marks failed: {exc}")
            try:
                await asyncio.wait_for(stop.wait(), interval)
            except asyncio.TimeoutError:
                continue

    def _add_routes(self):
        route = self.server.route
        route("GET", "/health", self.health)
        route("GET", "/api/trades", self.list_trades)
        route("POST", "/api/trades", self.create_trade)
        route("GET", "/api/trades/{id}", self.get_trade)
        route("POST", "/api/trades/{id}/close", self.close_trade)
        route("DELETE", "/api/trades/{id}", self.delete_trade)
        route("GET", "/api/logs/summary", self.log_summary)
        route("GET", "/api/logs/equity", self.log_equity)
        route("GET", "/api/journals", self.list_entries)
        route("POST", "/api/journals", self.create_entry)
        route("GET", "/api/alerts", self.list_alerts)
        route("POST", "/api/alerts", self.create_alert)
        route("DELETE", "/api/alerts/{id}", self.delete_alert)
        route("GET", "/api/leaderboard", self.leaderboard)

    # what the routes share

    def trades(self, user=None):
        """Trades out of their rows; fields that this version does not know are left out."""
        rows = self.db.list("trades", user)
        return [Trade(**{name: row[name] for name in row if name in TRADE_FIELDS}) for row in rows]

    @staticmethod
    def user(request):
        return request.headers.get("x-user", DEFAULT_USER)

    def own_trade(self, request):
        """The user's trade that the path names, or 404."""
        for trade in self.trades(self.user(request)):
            if str(trade.id) == request.params["id"]:
                return trade
        raise HttpError(404, "no such trade")

    # routes

    async def health(self, request):
        return {
            "status": "healthy",
            "service": "journal",
            "storage": self.db.kind,
            "uptime_sec": round(time.time() - self.started),
        }

    async def list_trades(self, request):
        trades = self.trades(self.user(request))
        state = request.query.get("state")
        if state in ("open", "closed"):
            trades = [trade for trade in trades if trade.is_open == (state == "open")]
        return {"trades": [trade.as_dict() for trade in trades]}

    async def create_trade(self, request):
        user = self.user(request)
        trade = parse_trade(request.json(), 0, user, time.time())
        trade.id = self.db.insert("trades", user, dataclasses.asdict(trade))
        return 201, trade.as_dict()

    async def get_trade(self, request):
        return self.own_trade(request).as_dict()

    async def close_trade(self, request):
        trade = self.own_trade(request)
        if not trade.is_open:
            raise HttpError(400, "the trade is closed already")
        body = request.json()
        trade.exit_price = require(body, "exit_price", float)
        trade.exit_time = float(body.get("exit_time") or time.time())
        self.db.update("trades", trade.id, dataclasses.asdict(trade))
        return trade.as_dict()

    async def delete_trade(self, request):
        self.db.delete("trades", self.own_trade(request).id)
        return 204, None

    async def log_summary(self, request):
        return analytics.summary(self.trades(self.user(request)))

    async def log_equity(self, request):
        curve = analytics.equity_curve(self.trades(self.user(request)))
        return {"points": [{"ts": ts, "balance": balance} for ts, balance in curve]}

    async def list_entries(self, request):
        return {"entries": self.db.list("entries", self.user(request))}

    async def create_entry(self, request):
        body = request.json()
        entry = {"text": require(body, "text", str), "mood": body.get("mood"), "ts": time.time()}
        entry["id"] = self.db.insert("entries", self.user(request), entry)
        return 201, entry

    async def list_alerts(self, request):
        return {"alerts": self.db.list("alerts", self.user(request))}

    async def create_alert(self, request):
        user = self.user(request)
        alert = parse_alert(request.json(), 0, user)
        alert["id"] = str(self.db.insert("alerts", user, alert))
        await self.alerts.upsert(alert)
        return 201, alert

    async def delete_alert(self, request):
        if not self.db.delete("alerts", int(request.params["id"])):
            raise HttpError(404, "no such alert")
        await self.alerts.delete(request.params["id"])
        return 204, None

    async def leaderboard(self, request):
        return {"ranking": ranking(self.trades(), int(request.query.get("limit", 20)))}
