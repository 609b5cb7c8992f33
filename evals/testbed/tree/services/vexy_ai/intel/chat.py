"""Chat, routines and playbooks: what the UI asks Vexy."""

from services.vexy_ai.intel.voices import VOICES, speak_template
from shared.ai_client import AIConfig, AIUnavailable, call_ai
from shared.httpd import HttpError

MAX_QUESTION = 2000
ROUTINES = {
    "morning": ("Where is the close, where is the gap?", "Which levels matter today?", "What would change my mind?"),
    "evening": ("What did I plan, what did I do?", "Which trade would I take again?", "What do I leave behind?"),
}
PLAYBOOKS = {
    "positive": "Fade edges, small targets: dealers lean against the move.",
    "negative": "Let it run, wide stops: dealers push the move.",
}


class ChatDesk:
    def __init__(self, config, logger):
        self.config = config
        self.logger = logger
        self.ai_config = AIConfig(timeout_sec=15.0, max_tokens=300)

    async def answer(self, question, context):
        """An answer to a question of the user, by an AI or in plain facts."""
        question = (question or "").strip()
        if not question:
            raise HttpError(400, "'message' is missing")
        if len(question) > MAX_QUESTION:
            raise HttpError(400, "'message' is too long")
        facts = context.facts() or "nothing on the board yet"
        try:
            prompt = f"{question}\n\nWhat is known: {facts}"
            answer = await call_ai(VOICES["analyst"].prompt, prompt, self.config, self.ai_config, self.logger)
        except AIUnavailable:
            return {"reply": speak_template(VOICES["analyst"], facts), "source": "template"}
        return {"reply": answer.text.strip(), "source": answer.provider}

    @staticmethod
    def routine(name):
        if name not in ROUTINES:
            raise HttpError(404, f"no routine {name}")
        return {"routine": name, "questions": list(ROUTINES[name])}

    @staticmethod
    def playbook(context):
        regime = context.gex.get("regime", "unknown")
        return {"regime": regime, "play": PLAYBOOKS.get(regime, "Stand aside until the model is back.")}
