"""The base of the types that people fill in: what is wrong with one is an error of ours, in words."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from llm_connector.errors import InvalidRequestError
from llm_connector.types.explain import explain


class Given(BaseModel):
    """A model whose constructor raises ``InvalidRequestError``.

    pydantic's own error is neither raised nor chained: it is a ``ValueError``, which LlamaIndex swallows around a model
    call, and it shows the values, of which one may be a key.

    Raises:
        InvalidRequestError: A field is misspelt or has a wrong value; the message names the field.
    """

    model_config = ConfigDict(defer_build=True)  # building looks for pydantic's plugins: 25 of 170 ms of our import

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            explained = explain(error, type(self))
        else:
            return
        raise InvalidRequestError(f"{type(self).__name__}: {explained}")

    # Validation of dicts goes past this constructor, as it does past pydantic's own (pydantic 2.14).
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]
