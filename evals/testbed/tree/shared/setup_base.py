"""SetupBase: a service's configuration, out of the Truth document in system-redis."""

import json
import os
import re

import redis.asyncio as aioredis

TRUTH_KEY = "truth"
DEFAULT_SYSTEM_REDIS = "redis://127.0.0.1:6379"
TEMPLATE = re.compile(r"^\$\{([A-Z0-9_]+)\}$")
BUS_ENV = {
    "system-redis": "SYSTEM_REDIS_URL",
    "market-redis": "MARKET_REDIS_URL",
    "intel-redis": "INTEL_REDIS_URL",
}
STRUCTURAL = ("meta", "inputs", "outputs", "heartbeat", "models", "dependencies", "workflow", "domain")
SECRET_WORDS = ("KEY", "SECRET", "PASSWORD", "TOKEN", "WEBHOOK")


class SetupBase:
    """Usage: config = await SetupBase(SERVICE_NAME, logger).load()"""

    def __init__(self, service_name, logger):
        self.service_name = service_name
        self.logger = logger

    async def load(self):
        """The configuration of this service.

        Raises RuntimeError where Truth or the component is missing, and the errors of redis
        where system-redis cannot be reached.
        """
        truth = await self._read_truth()
        components = truth.get("components") or {}
        component = components.get(self.service_name)
        if component is None:
            self.logger.error(f"Component '{self.service_name}' missing in Truth")
            raise RuntimeError(f"Component '{self.service_name}' missing in Truth")

        config = {key: component.get(key) or {} for key in STRUCTURAL}
        config["service_name"] = (component.get("meta") or {}).get("name", self.service_name)
        config["buses"] = self._buses(truth)
        config["shared_resources"] = truth.get("shared_resources") or {}
        config["env"] = self._resolve_env(component.get("env") or {})
        config.update(config["env"])
        self._apply_port_override(config)
        self.logger.ok(f"Truth loaded (version {truth.get('version', '?')}, node {truth.get('node', '?')})")
        return config

    async def _read_truth(self):
        url = os.getenv("SYSTEM_REDIS_URL", DEFAULT_SYSTEM_REDIS)
        self.logger.info(f"loading Truth from {url}", emoji="📖")
        client = aioredis.from_url(url, decode_responses=True, socket_connect_timeout=5)
        try:
            raw = await client.get(TRUTH_KEY)
        finally:
            await client.aclose()
        if not raw:
            self.logger.error(f"Truth key '{TRUTH_KEY}' not found in system-redis")
            raise RuntimeError(f"Truth key '{TRUTH_KEY}' not found (run scripts/ms-build-truth.sh)")
        return json.loads(raw)

    @staticmethod
    def _buses(truth):
        buses = {name: dict(bus) for name, bus in (truth.get("buses") or {}).items()}
        for name, variable in BUS_ENV.items():
            if os.getenv(variable):
                buses.setdefault(name, {})["url"] = os.environ[variable]
        return buses

    def _resolve_env(self, defaults):
        """Shell overrides Truth; a template without a value in the shell is left out."""
        resolved = {}
        for key, value in defaults.items():
            if key in os.environ:
                resolved[key] = os.environ[key]
                continue
            match = TEMPLATE.match(value) if isinstance(value, str) else None
            if match is None:
                resolved[key] = value
            elif match.group(1) in os.environ:
                resolved[key] = os.environ[match.group(1)]
            else:
                self.logger.debug(f"env {key} is not set, skipped")
        return resolved

    def _apply_port_override(self, config):
        """<SERVICE>_PORT in the shell moves the HTTP port; several nodes on one host need that."""
        http = (config.get("outputs") or {}).get("http")
        port = os.getenv(f"{self.service_name.upper()}_PORT")
        if http and port:
            http["port"] = int(port)


def bus_url(config, bus):
    """URL of a bus, by its name in Truth."""
    return config["buses"][bus]["url"]


def log_config(config, logger):
    """The configuration dump that opens every log. Values of secrets are masked."""
    logger.info("configuration:", emoji="🧾")
    for bus, value in sorted(config["buses"].items()):
        logger.info(f"  bus {bus} = {value.get('url')}", emoji="·")
    for key in sorted(config["env"]):
        value = config["env"][key]
        masked = "********" if any(word in key for word in SECRET_WORDS) else value
        logger.info(f"  {key} = {masked}", emoji="·")
    beat = config.get("heartbeat") or {}
    logger.info(f"  heartbeat every {beat.get('interval_sec')}s, ttl {beat.get('ttl_sec')}s", emoji="·")
    http = (config.get("outputs") or {}).get("http")
    if http:
        logger.info(f"  http port = {http.get('port')}", emoji="·")
