"""AI client: XAI (grok-4) first, OpenAI (gpt-4o-mini) as the fall-back.

    response = await call_ai(system_prompt, user_message, config, ai_config, logger)

Keys: the config dict, then config["env"], then the shell. Plain urllib in a thread: the
services need no SDK for one POST.
"""

import asyncio
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass

PROVIDERS = (
    ("xai", "XAI_API_KEY", "XAI_BASE_URL", "https://api.x.ai/v1", "grok-4"),
    ("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1", "gpt-4o-mini"),
)


class AIUnavailable(Exception):
    """No provider gave an answer: no key, or every call failed."""


@dataclass
class AIConfig:
    timeout_sec: float = 20.0
    max_tokens: int = 400
    temperature: float = 0.4


@dataclass
class AIResponse:
    text: str
    provider: str
    model: str
    tokens_used: int = 0


def get_api_key(config, name):
    """Triple fall-back; an unresolved ${VAR} is no key."""
    for value in (config.get(name), (config.get("env") or {}).get(name), os.getenv(name)):
        if value and not str(value).startswith("${"):
            return value
    return None


async def call_ai(system_prompt, user_message, config, ai_config=None, logger=None):
    """One answer of the first provider that gives one. Raises AIUnavailable."""
    ai_config = ai_config or AIConfig()
    problems = []
    for provider, key_name, url_name, default_url, model in PROVIDERS:
        key = get_api_key(config, key_name)
        if key is None:
            problems.append(f"{provider}: no key")
            continue
        base = get_api_key(config, url_name) or default_url
        try:
            return await asyncio.wait_for(
                asyncio.to_thread(_post, provider, base, key, model, system_prompt, user_message, ai_config),
                ai_config.timeout_sec + 1,
            )
        except (OSError, ValueError, KeyError, asyncio.TimeoutError) as exc:
            problems.append(f"{provider}: {exc.__class__.__name__}: {exc}")
            if logger is not None:
                logger.warn(f"AI call to {provider} failed: {exc.__class__.__name__}: {exc}")
    raise AIUnavailable("; ".join(problems))


def _post(provider, base, key, model, system_prompt, user_message, ai_config):
    body = {
        "model": model,
        "max_tokens": ai_config.max_tokens,
        "temperature": ai_config.temperature,
        "messages": [
            {"role": "system", "content": system_prompt},
            {"role": "user", "content": user_message},
        ],
    }
    request = urllib.request.Request(
        f"{base}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=ai_config.timeout_sec) as response:
        document = json.loads(response.read())
    text = document["choices"][0]["message"]["content"]
    return AIResponse(text, provider, model, (document.get("usage") or {}).get("total_tokens", 0))
