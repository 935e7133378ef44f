"""The long error tables that several rows of one vendor share. How a table is read is in ``faults``."""

from __future__ import annotations

from llm_connector import errors
from llm_connector.faults import Rule

# docs.bigmodel.cn, "API error codes", 2026-11; codes are strings of digits.
ZHIPU_RULES = (
    Rule(errors.BillingError, code=r"1113|1309"),
    Rule(errors.PermissionDeniedError, code=r"1220|1311"),
    Rule(errors.AuthenticationError, code=r"100[0-5]|111[0-2]|112[01]"),
    Rule(errors.ModelNotFoundError, code=r"1211|1221|1222"),
    Rule(errors.ContextLengthError, code=r"1261"),
    Rule(errors.ContentFilterError, code=r"1300|1301"),
    Rule(errors.RateLimitError, code=r"1302|1303|1313"),
    Rule(errors.RateLimitError, code=r"1304|1308|1310", retryable=False),  # a day's or a plan's limit
    Rule(errors.OverloadedError, code=r"1305|1312"),
    Rule(errors.InvalidRequestError, code=r"1210|1212|1213|1214|1215"),
    Rule(errors.ServerError, code=r"1200|1230|1231|1234"),
    Rule(errors.PermissionDeniedError, status=434),
    Rule(errors.InvalidRequestError, status=435),
)

# help.aliyun.com, "Model Studio error codes", and dashscope 2.0.2, 2026-11.
ALIYUN_RULES = (
    Rule(errors.AuthenticationError, code=r"InvalidApiKey|invalid_api_key"),
    Rule(errors.BillingError, code=r"Arrearage"),
    Rule(errors.PermissionDeniedError, code=r"(Model\.)?AccessDenied(\.Unpurchased)?"),
    Rule(errors.ModelNotFoundError, code=r"Model\.NotExist|ModelNotFound|model_not_found"),
    Rule(errors.ContentFilterError, code=r"DataInspectionFailed|data_inspection_failed"),
    Rule(
        errors.BillingError, code=r"Throttling\.AllocationQuota|insufficient_quota", message=r"used up|exhausted|free"
    ),
    Rule(errors.RateLimitError, code=r"Throttling(\..*)?|limit_requests|limit_burst_rate|insufficient_quota"),
    Rule(errors.RequestTimeoutError, code=r"GatewayTimeout|RequestTimeOut|ResponseTimeout"),
    Rule(errors.OverloadedError, code=r"ServiceUnavailable|ModelServingError|ModelUnavailable"),
    Rule(errors.ServerError, code=r"InternalError(\..*)?|internal_error"),
    Rule(errors.InvalidRequestError, code=r"InvalidParameter(\..*)?|BadRequest(\..*)?|InvalidURL|InvalidSchema"),
)
