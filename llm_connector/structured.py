"""Reads an answer that was asked for in a form. How the form is asked for is each protocol's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

if TYPE_CHECKING:
    from llm_connector.types import ChatRequest, ChatResponse

_FENCED = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*)\n[ \t]*```\s*\Z", re.DOTALL | re.IGNORECASE)


def parse_structured(response: ChatResponse, request: ChatRequest) -> ChatResponse:
    """Set ``response.parsed`` when the request's ``response_format`` is a pydantic class and the answer fits it.

    An answer that does not fit leaves ``parsed`` empty and says so in ``warnings``: the text is not lost. A Markdown
    fence around the whole is no part of it: models that were asked in the prompt often write one.
    """
    wanted = request.response_format
    if wanted is None or wanted.model is None or response.finish_reason not in {"stop", "length", None}:
        return response
    try:
        response.parsed = wanted.model.model_validate_json(_FENCED.sub(r"\1", response.content))
    except ValidationError as error:
        response.warnings.append(f"the answer does not fit {wanted.model.__name__}: {error.error_count()} problem(s)")
    return response
