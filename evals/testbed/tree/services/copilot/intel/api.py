"""HTTP routes of copilot (port 8095)."""

import time

from services.copilot.intel.adi import as_csv
from shared.httpd import HttpError, HttpServer


class CopilotApi:
    """Answers from what the loops computed last; nothing is computed in a request."""

    def __init__(self, copilot, logger):
        self.copilot = copilot
        self.started = time.time()
        self.server = HttpServer("copilot", logger)
        self.server.route("GET", "/health", self.health)
        self.server.route("GET", "/api/mel", self.mel)
        self.server.route("GET", "/api/mel/{symbol}", self.mel_symbol)
        self.server.route("GET", "/api/adi", self.adi)
        self.server.route("GET", "/api/adi.csv", self.adi_csv)
        self.server.route("GET", "/api/commentary", self.commentary)
        self.server.route("GET", "/api/alerts", self.alerts)

    async def health(self, request):
        return {
            "status": "healthy",
            "service": "copilot",
            "uptime_sec": round(time.time() - self.started),
            "alerts": len(self.copilot.engine.alerts),
        }

    async def mel(self, request):
        if self.copilot.mel is None:
            raise HttpError(503, "no snapshot yet")
        return self.copilot.mel

    async def mel_symbol(self, request):
        snapshot = await self.mel(request)
        symbol = request.params["symbol"].upper()
        if symbol not in snapshot["symbols"]:
            raise HttpError(404, f"no scores for {symbol}")
        return snapshot["symbols"][symbol]

    async def adi(self, request):
        if self.copilot.adi is None:
            raise HttpError(503, "no snapshot yet")
        return self.copilot.adi

    async def adi_csv(self, request):
        return {"csv": as_csv(await self.adi(request))}

    async def commentary(self, request):
        return {"messages": list(self.copilot.commentator.recent)}

    async def alerts(self, request):
        return {"alerts": [vars(alert) for alert in self.copilot.engine.alerts.values()]}
