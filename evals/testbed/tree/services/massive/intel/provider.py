"""The data provider, simulated.

Same shape as the real one: a WebSocket that is opened with a key, takes subscriptions and sends
batches of index values, and a REST call for reference data. The values come from a seeded walk,
so that a node without a contract shows the same day again and again. MASSIVE_SESSION=closed is
the weekend: the last values are repeated and nothing moves.
"""

import asyncio
import random
import time

from services.massive.intel.symbols import INSTRUMENTS, symbol_of

SEED = 20260302
STEP = {"index": 0.00012, "etf": 0.00012, "volatility": 0.0022}
SHOCK_EVERY = 40
SHOCK_TICKS = 4
SHOCK = {"index": 0.0016, "etf": 0.0016, "volatility": 0.018}
POLICY_VIOLATION = 1008


class ProviderClosed(Exception):
    """The provider closed the connection. str() is what a WebSocket library would say."""

    def __init__(self, code, reason):
        super().__init__(f"received {code} ({reason})")
        self.code = code
        self.reason = reason


class Tape:
    """The day's prices, tick by tick: a small walk, and a shock now and then."""

    def __init__(self, instruments, session, seed=SEED):
        self.session = session
        self._random = random.Random(seed)
        self._prices = {item.symbol: item.base for item in instruments}
        self._instruments = list(instruments)
        self.ticks = 0

    def next(self):
        """Prices of the next tick, by symbol."""
        if self.session != "closed":
            self.ticks += 1
            for item in self._instruments:
                move = self._random.uniform(-1, 1) * STEP[item.kind] + self._shock(item)
                self._prices[item.symbol] *= 1 + move
        return {symbol: round(price, 2) for symbol, price in self._prices.items()}

    def _shock(self, item):
        phase = self.ticks % (2 * SHOCK_EVERY)
        if SHOCK_EVERY <= phase < SHOCK_EVERY + SHOCK_TICKS:
            return -SHOCK[item.kind] if item.kind != "volatility" else SHOCK[item.kind]
        if phase < SHOCK_TICKS and self.ticks >= 2 * SHOCK_EVERY:
            return SHOCK[item.kind] if item.kind != "volatility" else -SHOCK[item.kind]
        return 0.0


class ProviderFeed:
    """One connection to the provider's feed."""

    def __init__(self, url, api_key, session, interval_sec):
        self.url = url
        self.api_key = api_key
        self.session = session
        self.interval_sec = interval_sec
        self._tape = None
        self._open = False

    async def connect(self):
        """Open and authenticate. Raises ProviderClosed as the real one does for a bad key."""
        await asyncio.sleep(0)
        key = str(self.api_key or "")
        if not key or key.startswith("${") or "revoked" in key.lower():
            raise ProviderClosed(POLICY_VIOLATION, "policy violation: authentication failed")
        self._open = True

    async def subscribe(self, tickers):
        """Ask for tickers. Those that the provider does not know are refused as a whole."""
        unknown = [ticker for ticker in tickers if symbol_of(ticker) not in INSTRUMENTS]
        if unknown:
            raise ProviderClosed(POLICY_VIOLATION, f"policy violation: unknown ticker {unknown[0]}")
        self._tape = Tape([INSTRUMENTS[symbol_of(ticker)] for ticker in tickers], self.session)
        self._tickers = list(tickers)

    async def receive(self):
        """The next batch: [{"ev": "V", "T": ticker, "val": price, "t": Unix milliseconds}]."""
        if not self._open:
            raise ProviderClosed(1006, "abnormal closure")
        prices = self._tape.next()
        if self._tape.ticks > 1 or self.session == "closed":
            await asyncio.sleep(self.interval_sec)
        now = int(time.time() * 1000)
        return [
            {"ev": "V", "T": ticker, "val": prices[symbol_of(ticker)], "t": now} for ticker in self._tickers
        ]

    async def close(self):
        self._open = False


async def fetch_reference(tickers):
    """Reference data by REST: {ticker: {"prev_close": float | None, "type": str}}."""
    await asyncio.sleep(0)
    reference = {}
    for ticker in tickers:
        item = INSTRUMENTS.get(symbol_of(ticker))
        if item is not None:
            reference[ticker] = {"prev_close": item.prev_close, "type": item.kind}
    return reference


async def fetch_chain(symbol, spot, strikes_each_side=10):
    """The option chain of one underlying around `spot`, as the provider's REST API pages it.

    A list of contracts: {"contract_type", "strike", "expiration", "open_interest", "volume",
    "implied_volatility", "greeks": {"gamma", "delta"}, "bid", "ask"}.
    """
    await asyncio.sleep(0)
    item = INSTRUMENTS[symbol]
    center = round(spot / item.strike_step) * item.strike_step
    contracts = []
    for offset in range(-strikes_each_side, strikes_each_side + 1):
        strike = round(center + offset * item.strike_step, 2)
        for contract_type in ("call", "put"):
            contracts.append(_contract(contract_type, strike, offset, spot, strikes_each_side))
    return contracts


def _contract(contract_type, strike, offset, spot, width):
    distance = abs(offset) / width
    is_call = contract_type == "call"
    interest = int(1800 * (1.15 - distance)) + (offset * 37 if is_call else offset * -53)
    round_number = 2.2 if int(strike) % 50 == 0 else 1.0
    intrinsic = max(spot - strike, 0.0) if is_call else max(strike - spot, 0.0)
    premium = round(intrinsic + spot * 0.0009 * (1.05 - distance), 2)
    return {
        "contract_type": contract_type,
        "strike": strike,
        "expiration": "2026-03-02",
        "open_interest": max(0, int(interest * round_number)),
        "volume": max(0, int(interest * 1.6)),
        "implied_volatility": round(0.11 + 0.09 * distance + (0.012 if not is_call else 0.0), 4),
        "greeks": {
            "gamma": round(0.0042 * (1.0 - 0.85 * distance), 6),
            "delta": round((0.5 - offset / width * 0.45) * (1 if is_call else -1), 4),
        },
        "bid": round(max(0.05, premium - 0.1), 2),
        "ask": round(premium + 0.1, 2),
    }
