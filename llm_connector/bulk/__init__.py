"""Many items through one model: bounded, paced, resumable, each ending in an answer or a typed error.

One call at a time is not here: see ``llm_connector.client``. Several machines: see ``llm_connector.bulk.dask``.
"""

from __future__ import annotations

from llm_connector.bulk.caller import BulkCaller
from llm_connector.bulk.result import BulkResult
from llm_connector.bulk.run import abulk, abulk_iter
from llm_connector.bulk.sync import bulk, bulk_iter

__all__ = ["BulkCaller", "BulkResult", "abulk", "abulk_iter", "bulk", "bulk_iter"]
