"""What leaves the machine holds no secret, and ordinary code and logs stay as they are."""

from __future__ import annotations

import base64
import json
import sysconfig
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.redact import Redactor

REDACT = Redactor()
TESTBED = Path(__file__).parents[2] / "evals" / "testbed" / "tree"

# Put together at run time, so that no scanner takes the tests for a leak.
OPENAI = "sk-" + "proj-Ab12Cd34Ef56Gh78Ij90"
XAI = "xai-" + "Ab12Cd34Ef56Gh78Ij90Kl12"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9"

SECRETS = [
    ("openai_key", f"key is {OPENAI} ok", OPENAI),
    ("xai_key", f"XAI said: {XAI}", XAI),
    ("aws_key", "id AKIA" + "IOSFODNN7EXAMPLE", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("github_token", "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2", "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2"),
    ("gitlab_token", "use glpat-" + "a1B2c3D4e5F6g7H8i9J0", "a1B2c3D4e5F6g7H8i9J0"),
    ("slack_token", "xoxb-" + "123456789012-abcdefghijkl", "xoxb-" + "123456789012-abcdefghijkl"),
    ("google_key", "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", "SyA1b2C3d4E5f6"),
    ("webhook", "https://hooks.slack.com/services/T00/B00/" + "a1B2c3D4e5F6g7H8", "a1B2c3D4e5F6g7H8"),
    ("dsn_password", "redis://:s3cret@127.0.0.1:6380/0", "s3cret"),
    ("dsn_password", "mysql+aiomysql://fotw_app:p%40ss@127.0.0.1:3306/fotw_app", "p%40ss"),
    ("dsn_password", "amqp://user:p@ss@host/vhost", "p@ss"),
    ("url_token", "https://a1B2c3D4e5F6g7H8i9J0k1@github.com/x", "a1B2c3D4e5F6g7H8i9J0k1"),
    ("api_key", "GET /v3/snapshot?limit=250&apiKey=Q1w2E3r4&x=1", "Q1w2E3r4"),
    ("url_parameter", "wss://feed.example/stocks?key=Q1w2E3r4", "Q1w2E3r4"),
    ("authorization", "Authorization: Bearer abc.def123-456", "abc.def123-456"),
    ("authorization", "authorization: Basic dXNlcjpwYXNzd29yZDE=", "dXNlcjpwYXNzd29yZDE="),
    ("authorization", "'Authorization': 'token 0123456789abcdef'", "0123456789abcdef"),
    ("authorization", "sent Bearer Q1w2E3r4T5y6 and got 401", "Q1w2E3r4T5y6"),
    ("cookie", "Cookie: session=abc; theme=dark", "session=abc; theme=dark"),
    ("cookie", "Set-Cookie: sid=Q1w2; Path=/", "sid=Q1w2"),
    ("api_key", "X-Api-Key: Q1w2E3r4", "Q1w2E3r4"),
    ("jwt", f"claims {JWT}.", JWT),
    ("api_key", "MASSIVE_API_KEY=abc", "=abc"),
    ("api_key", "export POLYGON_KEY=Q1w2", "Q1w2"),
    ("password", "MYSQL_PASSWORD='hunter two'", "hunter two"),
    ("password", '"password": "changeme"', "changeme"),
    ("password", '{\\"password\\": \\"changeme\\"}', "changeme"),
    ("password", "password: swordfish", "swordfish"),
    ("password", "login failed for password=swordfish", "swordfish"),
    ("password", 'connect(host="db", password="swordfish")', "swordfish"),
    ("secret", "client_secret = 'abc'", "'abc'"),
    ("secret", "JOURNAL_JWT_SECRET: 0123456789abcdef", "0123456789abcdef"),
    ("token", "SLACK_TOKEN=foo", "=foo"),
    ("token", 'os.environ["SLACK_TOKEN"] = "foo"', '"foo"'),
    ("token", '"accessToken":"Q1w2E3r4"', "Q1w2E3r4"),
    ("api_key", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
]


@pytest.mark.parametrize(
    ("rule", "text", "secret"), SECRETS, ids=[f"{r}-{n}" for n, (r, _, _) in enumerate(SECRETS)]
)
def test_secret_is_taken_out(rule: str, text: str, secret: str) -> None:
    redacted = REDACT(text)
    assert secret.strip("='\"") not in redacted
    assert f"[REDACTED:{rule}]" in redacted
    assert rule in REDACT.find(text)


@pytest.mark.parametrize(
    ("rule", "text", "secret"), SECRETS, ids=[f"{r}-{n}" for n, (r, _, _) in enumerate(SECRETS)]
)
def test_redacting_twice_changes_nothing(rule: str, text: str, secret: str) -> None:
    once = REDACT(text)
    assert REDACT(once) == once, (rule, secret)


@pytest.mark.parametrize(
    "text",
    [
        "api_key: ${XAI_API_KEY}",
        '"XAI_API_KEY": "${XAI_API_KEY}"',
        '"XAI_API_KEY": ""',
        "XAI_API_KEY=",
        '"key_env": "XAI_API_KEY"',
        '"api_key": "XAI_API_KEY"',
        "redis://:${REDIS_PASSWORD}@127.0.0.1:6379",
        'f"redis://:{password}@{host}:{port}"',
        'headers = {"Authorization": f"Bearer {key}"}',
        "def login(user: str, password: str, token: str | None = None) -> Session:",
        "connect(password=password, token=self.token, api_key=config['KEY'])",
        'api_key = config.get("XAI_API_KEY") or os.getenv("XAI_API_KEY")',
        'token = "("',
        "token = tokens.pop()",
        "N_TOKENS = 60",
        'SPOT_KEY = "massive:spot"',
        'MODEL_KEY = "massive:gex:model"',
        "self._next_key = 0",
        "KeyError: 'password'",
        "TypeError: login() got an unexpected keyword argument 'api_key'",
        "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6380. Connection refused.",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "mailto:ernie@example.org",
        "http://localhost:3005/api/vexy/health",
        "the bearer of this message, with basic authentication",
        "task-sk-circle-fade-in-delay-animation",
        "[2026-11-22 10:00:00][vigil][INFO] ℹ️ total_tokens=1532 prompt_tokens: 1200",
        "MYSQL_PASSWORD = ********",
        'prompt = "Password: ", stream=None',
        '"output_token": "nextToken"',
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert REDACT(text) == text


def test_code_of_the_testbed_stays_and_its_secrets_go() -> None:
    hits = {}
    for file in sorted(TESTBED.rglob("*")):
        if file.is_file() and file.suffix in (".py", ".js", ".sh", ".md", ".json", ".txt"):
            found = REDACT.find(file.read_text(encoding="utf-8"))
            if found:
                hits[file.relative_to(TESTBED).as_posix()] = found
    assert "truth/components/journal.json" in hits
    assert [path for path in hits if not path.startswith("truth/") and "/.env" not in path] == []


def test_few_lines_of_the_standard_library_are_taken_for_secrets() -> None:
    library = Path(sysconfig.get_path("stdlib"))
    files = [*library.glob("[a-h]*.py"), *library.glob("asyncio/*.py"), *library.glob("http/*.py")]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    lines = sum(text.count("\n") for text in texts)
    changed = sum(
        before != after
        for text in texts
        for before, after in zip(text.split("\n"), REDACT(text).split("\n"), strict=True)
    )
    assert lines > 30_000
    assert changed / lines < 0.0005


KNOWN = "Tr0ub4dor&3/x+y"


@pytest.mark.parametrize(
    "text",
    [
        f"the key {KNOWN} leaked",
        f"({KNOWN})",
        quote(KNOWN, safe=""),
        quote(KNOWN),
        json.dumps({"x": KNOWN}),
        base64.b64encode(KNOWN.encode()).decode(),
        base64.b64encode(f"u:{KNOWN}".encode()).decode(),
        base64.b64encode(f"us:{KNOWN}!".encode()).decode(),
        base64.urlsafe_b64encode(f"user:{KNOWN}".encode()).decode(),
        KNOWN.encode().hex(),
        f"{KNOWN[:5]}\n{KNOWN[5:]}",
        f"{KNOWN[:5]}\r\n    {KNOWN[5:9]}\n\t{KNOWN[9:]}",
        f'"{KNOWN[:7]}"\n    "{KNOWN[7:]}"',
        f"{KNOWN[:7]}\\n{KNOWN[7:]}",
        "\n".join(base64.b64encode(KNOWN.encode()).decode()[n : n + 7] for n in range(0, 20, 7)),
    ],
)
def test_known_secret_is_found_in_every_form(text: str) -> None:
    redact = Redactor([KNOWN])
    assert redact.find(text) == ["known_secret"]
    plain = redact(text).replace("\n", "").replace("\\n", "")
    core = base64.b64encode(KNOWN.encode()).decode()[4:16]
    for form in (KNOWN, KNOWN[2:-2], quote(KNOWN), KNOWN.encode().hex(), core):
        assert form not in plain


def test_line_numbers_are_kept() -> None:
    redact = Redactor([KNOWN])
    text = f"one\n{KNOWN[:5]}\n{KNOWN[5:]}\nfour"
    assert redact(text).split("\n")[3] == "four"


def test_short_known_values_only_where_they_stand_alone() -> None:
    redact = Redactor(["fotw", "ab", ""])
    assert redact("user fotw_app of fotw, ab") == "user fotw_app of [REDACTED:known_secret], ab"


KEY_BODY = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"] * 4)
BEGIN, END = "-----BEGIN PRIVATE" + " KEY-----", "-----END PRIVATE" + " KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        f"{BEGIN}\n{KEY_BODY}\n{END}",
        json.dumps({"key": f"{BEGIN}\n{KEY_BODY}\n{END}"}),
        f"{BEGIN}\n{KEY_BODY}\nno end here!",
        f"{KEY_BODY}\n{END}",
        "\n".join(
            f"[2026-11-22 10:00:00][x][INFO] {row}" for row in f"{BEGIN}\n{KEY_BODY}\n{END}".split("\n")
        ),
    ],
)
def test_private_key_goes_also_when_only_a_part_is_there(text: str) -> None:
    redacted = REDACT(f"above it\n{text}\nbelow it")
    assert "MIIEvQ" not in redacted and "above it" in redacted and "below it" in redacted
    assert "private_key" in REDACT.find(text)


def test_placeholder_keeps_the_shape_and_nothing_of_the_secret() -> None:
    assert REDACT.placeholder("Ab12-cd34_EF") == "Xx00-xx00_XX"
    assert REDACT.placeholder("redis://:s3cret@127.0.0.1:6380/0") == "redis://:x0xxxx@127.0.0.1:6380/0"
    assert len(REDACT.placeholder(JWT)) == len(JWT)
    assert json.loads(REDACT.placeholder('{"password": "abc1"}')) == {"password": "xxx0"}


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_redacted(text: str) -> None:
    redact = Redactor([KNOWN, "0123456"])
    redacted = redact(text + KNOWN)
    assert KNOWN not in redacted
    assert redacted.count("\n") == text.count("\n")
    assert bool(redact.find(text)) == (redact(text) != text)


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40),
    st.integers(1, 7),
)
@settings(max_examples=80, deadline=None)
def test_any_known_secret_split_over_lines(secret: str, width: int) -> None:
    split = "\n".join(secret[n : n + width] for n in range(0, len(secret), width))
    redacted = Redactor([secret])(f"before\n{split}\nafter")
    left = redacted.replace("\n", "")
    assert secret not in left or secret in "[REDACTED:secret]"


UNITS = [
    "secret=", "secret=(", "eyJ.eyJ", "eyJ-", "sk-", "sk-a1", "a" * 50, " ", "://a:", "://a:b@", "://", f"{BEGIN}\n",
    f"{END}\nabcd\n", f"{END}\n{'A' * 40}\n{'A' * 40}\n", "?key=", "&aaaaaaaaaaaaaaaaa", "bearer ", "authorization: ",
    "cookie: a", "\n", '"\n"', 'password="', "_key_", "A_", "password: x", "${", "token token = ", "-----BEGIN ",
    "password: ", "x-api-key:", "=", "'", "\\", "a.", "Tr0ub4dor", "AKIA", "hooks.slack.com/services/",
]  # fmt: skip


def seconds(text: str) -> float:
    redact = Redactor([KNOWN, "another-known-secret"])
    started = time.process_time()
    redact(text)
    return time.process_time() - started


@pytest.mark.parametrize("unit", UNITS, ids=[repr(unit[:12]) for unit in UNITS])
def test_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    small = min(seconds(unit * (20_000 // len(unit))) for _ in range(3))
    big = min(seconds(unit * (160_000 // len(unit))) for _ in range(2))
    assert big < 16 * small + 0.2
    assert seconds(unit * (2_000 // len(unit))) < 0.05


def test_a_megabyte_is_redacted_in_time_that_grows_with_it() -> None:
    line = f"[2026-11-22 10:00:00][vigil][INFO] spot 4000 apiKey=Q1w2E3r4 token count 12 {JWT[:20]} ok\n"
    small = min(seconds(line * 1_000) for _ in range(3))
    assert seconds(line * 10_000) < 40 * small
