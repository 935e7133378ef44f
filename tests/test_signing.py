"""Signatures: the vendors' own results as vectors, what is signed, and what is refused."""

import base64
import hashlib
import hmac
import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_connector.errors import ConfigError
from llm_connector.signing import AccessKey, require_header_text, sigv4, sigv4_headers, tc3, tc3_headers, zhipu_token

ORACLE = Path(__file__).resolve().parents[2] / "shared" / "oracle"
needs_oracle = pytest.mark.skipif(not ORACLE.is_dir(), reason="the recorded SDK requests are not beside the repository")

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AWS_KEY = AccessKey("AKIDEXAMPLE", AWS_SECRET)
AWS_KEY_WITH_TOKEN = AccessKey("AKIDEXAMPLE", AWS_SECRET, "TOKENEXAMPLE")
AWS_BODY = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":16,"messages":[{"role":"user","content":"hi"}]}'
AWS_HOST = "bedrock-runtime.us-east-1.amazonaws.com"
AWS_PATH = "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/invoke"
ARN_PATH = (
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A"
    "inference-profile%2Fus.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"
)
JSON_HEADERS = {"accept": "application/json", "content-type": "application/json"}
TENCENT_KEY = AccessKey("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")
TENCENT_BODY = b'{"Model":"hunyuan-turbos-latest","Messages":[{"Role":"user","Content":"hi"}],"Stream":false}'
TENCENT_HOST = "hunyuan.tencentcloudapi.com"
ZHIPU_KEY = "0123456789abcdef0123456789abcdef.abcdefghijklmnop"


def sign_aws(**changes):
    request = {
        "method": "POST",
        "host": AWS_HOST,
        "path": AWS_PATH,
        "headers": JSON_HEADERS,
        "body": AWS_BODY,
        "access_key": AWS_KEY,
        "region": "us-east-1",
        "timestamp": NOON,
    }
    return sigv4_headers(**(request | changes))


def sign_tencent(**changes):
    request = {
        "host": TENCENT_HOST,
        "content_type": "application/json",
        "body": TENCENT_BODY,
        "access_key": TENCENT_KEY,
        "timestamp": 1795348800,
    }
    return tc3_headers(**(request | changes))


def signature_of(headers):
    return headers["Authorization"].rpartition("Signature=")[2]


def sha256(text):
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


# --- AWS Signature Version 4; signatures by botocore 1.44.5 (2026-11)


@pytest.mark.parametrize(
    ("path", "access_key", "signature"),
    [
        (AWS_PATH, AWS_KEY, "416a399fecff26892a9b01d433ce1bcf217f4b94a324bca352f9d9a46b060697"),
        (
            AWS_PATH.replace(":", "%3A"),
            AWS_KEY,
            "380f5cb0180ecbb7e490fa6ccf37b384051cc9044b7f4d1305d10879fbe4ebd1",
        ),
        (ARN_PATH, AWS_KEY_WITH_TOKEN, "d611c24bb0cd1f5b6b78ae419836eca81e4290e63c1c85c302abe8085533c020"),
    ],
)
def test_sigv4_vectors(path, access_key, signature):
    token = {} if access_key.session_token is None else {"X-Amz-Security-Token": "TOKENEXAMPLE"}
    signed = "accept;content-type;host;x-amz-date" + (";x-amz-security-token" if token else "")
    assert sign_aws(path=path, access_key=access_key) == {
        "X-Amz-Date": "20261122T120000Z",
        **token,
        "Authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/bedrock/aws4_request, "
            f"SignedHeaders={signed}, Signature={signature}"
        ),
    }


@pytest.mark.parametrize(
    ("path", "token", "canonical_path", "digest"),
    [
        (
            AWS_PATH,
            {},
            "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
            "884d0d4502525ce41693ec1e0e17d2cad9aac3a5684d2e97ae8225e794591e79",
        ),
        (
            ARN_PATH,
            {"x-amz-security-token": "TOKENEXAMPLE"},
            ARN_PATH.replace("%", "%25"),
            "f7563051bab3a7d4489d1225abd126e91e1e65fbb03a1d823ff0d44f85c5fd60",
        ),
    ],
)
def test_sigv4_canonical_request(path, token, canonical_path, digest):
    signed = {**JSON_HEADERS, "host": AWS_HOST, "x-amz-date": "20261122T120000Z", **token}
    canonical = sigv4.canonical_request("POST", path, "", signed, AWS_BODY)
    assert canonical.split("\n")[1] == canonical_path
    assert canonical.endswith("616eb59224eb795b641b4c541ad9ee8b939a1e8798f73b54fce66bb79ddbb992")
    assert sha256(canonical) == digest


@needs_oracle
def test_sigv4_equals_the_vendor_sdk():
    vectors = json.loads((ORACLE / "signatures-sigv4.json").read_text(encoding="utf-8"))["vectors"]
    assert vectors
    for vector in vectors:
        url = urlsplit(vector["url"])
        sent = dict(vector["headers"])
        moment = datetime.strptime(sent["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        added = sigv4_headers(
            method=vector["method"],
            host=url.netloc,
            path=url.path,
            query=url.query,
            headers={"Content-Type": sent.pop("Content-Type"), "Accept": sent.pop("Accept"), "User-Agent": "any"},
            body=vector["body"].encode(),
            access_key=AccessKey(vector["access_key"], vector["secret_key"], vector["session_token"]),
            region=vector["region"],
            service=vector["service"],
            timestamp=moment.timestamp(),
        )
        assert added == sent


def test_sigv4_signs_amazon_headers_and_no_others():
    headers = JSON_HEADERS | {
        "X-Amz-Trace": "  a   b ",
        "User-Agent": "x",
        "Content-Length": "99",
        "Connection": "close",
    }
    authorization = sign_aws(headers=headers)["Authorization"]
    assert "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-trace, " in authorization
    assert authorization == sign_aws(headers=JSON_HEADERS | {"x-amz-trace": "a b"})["Authorization"]
    assert authorization != sign_aws(headers=JSON_HEADERS | {"x-amz-trace": "ab"})["Authorization"]


def test_sigv4_signs_again_over_the_headers_of_an_earlier_try():
    first = sign_aws(timestamp=NOON - 60, access_key=AWS_KEY_WITH_TOKEN)
    earlier = JSON_HEADERS | {name.lower(): value for name, value in first.items()}
    assert sign_aws(headers=earlier, access_key=AWS_KEY_WITH_TOKEN) == sign_aws(access_key=AWS_KEY_WITH_TOKEN)


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1&A=0", "A=0&a=1&a=2"),
        ("flag", "flag="),
        ("flag=&", "flag="),
        ("k=a:b/c", "k=a%3Ab%2Fc"),
        ("k=a%3ab%2Fc~-_.", "k=a%3Ab%2Fc~-_."),
        ("k=a+b%20c%2Bd", "k=a%20b%20c%2Bd"),
        ("k=%E4%BD%A0&k=你", "k=%E4%BD%A0&k=%E4%BD%A0"),
        ("a-b=1&a=1", "a=1&a-b=1"),
        ("k=x=y", "k=x%3Dy"),
    ],
)
def test_sigv4_canonical_query(query, canonical):
    assert sigv4.canonical_request("GET", "/", query, {}, b"").split("\n")[2] == canonical


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("/", "/"),
        ("//a///b", "/a/b"),
        ("/a/./b/../c/", "/a/c/"),
        ("/../..", "/"),
        ("/a b/~x", "/a%20b/~x"),
        ("/%E4%BD%A0", "/%25E4%25BD%25A0"),
    ],
)
def test_sigv4_canonical_path(path, canonical):
    assert sigv4.canonical_request("GET", path, "", {}, b"").split("\n")[1] == canonical


def test_sigv4_drops_the_fraction_of_a_second():
    assert sign_aws(timestamp=NOON + 0.999) == sign_aws()


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"host": "localhost:8080"},
        {"path": AWS_PATH + "x"},
        {"query": "a=1"},
        {"headers": {"accept": "application/json"}},
        {"body": AWS_BODY + b" "},
        {"access_key": AccessKey("AKIDEXAMPLE", "other")},
        {"access_key": AWS_KEY_WITH_TOKEN},
        {"region": "eu-west-1"},
        {"service": "bedrock-mantle"},
        {"timestamp": NOON + 1},
    ],
)
def test_sigv4_depends_on_every_part(change):
    assert signature_of(sign_aws(**change)) != signature_of(sign_aws())


@pytest.mark.parametrize(
    "change",
    [
        {"host": "a\r\nX-Evil: 1"},
        {"region": "us\n"},
        {"region": ""},
        {"service": "bed\rrock"},
        {"headers": {"accept": "a\r\nX-Evil: 1"}},
        {"headers": {"x-amz-a\nb": "1"}},
        {"headers": {"content-type": "a\x00"}},
    ],
)
def test_sigv4_refuses_line_breaks(change):
    with pytest.raises(ConfigError):
        sign_aws(**change)


# --- Tencent TC3; signatures by tencentcloud-sdk-python-common 3.1.195 (2026-11)


def test_tc3_vector():
    assert sign_tencent() == {
        "X-TC-Timestamp": "1795348800",
        "Authorization": (
            "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2026-11-22/hunyuan/tc3_request, "
            "SignedHeaders=content-type;host, "
            "Signature=0fbb5d49567f859387a4826326e472500c256b243530a226b52aa6def9ce9996"
        ),
    }


def test_tc3_canonical_request():
    canonical = tc3.canonical_request("POST", "/", "", "application/json", TENCENT_HOST, TENCENT_BODY)
    assert canonical.endswith("6690e0a5574590b870015a8306850eaef67d8d9df984722b6bac70e6ba0aab9f")
    assert sha256(canonical) == "e535f09edb0590ea242cd7e58c858d1cf18ef1f09f99247fb390ba54ff565bfa"


@needs_oracle
def test_tc3_equals_the_vendor_sdk():
    vectors = json.loads((ORACLE / "signatures-tc3.json").read_text(encoding="utf-8"))["vectors"]
    assert vectors
    for vector in vectors:
        sent = vector["headers"]
        added = tc3_headers(
            method=vector["method"],
            host=sent["Host"],
            path=vector["uri"],
            content_type=sent["Content-Type"],
            body=vector["payload"].encode(),
            access_key=AccessKey(vector["secret_id"], vector["secret_key"], vector["token"]),
            service=vector["service"],
            timestamp=vector["timestamp"],
        )
        signed = {"Authorization", "X-TC-Timestamp", "X-TC-Token"}
        assert added == {name: value for name, value in sent.items() if name in signed}


@needs_oracle
def test_tc3_equals_the_requests_that_the_sdk_sent_to_another_host():
    captures = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(ORACLE.glob("tencent-chat-*.json"))]
    requests = [(capture["host_real"], request) for capture in captures for request in capture["requests"]]
    assert requests
    for host, request in requests:
        sent = request["headers"]
        added = sign_tencent(
            host=host,
            content_type=sent["content-type"],
            body=request["body_raw"].encode(),
            timestamp=int(sent["x-tc-timestamp"]),
        )
        assert added["Authorization"] == sent["authorization"]


def test_tc3_sends_the_token_and_does_not_sign_it():
    key = AccessKey(TENCENT_KEY.key_id, TENCENT_KEY.secret, "TOKEN")
    assert sign_tencent(access_key=key) == sign_tencent() | {"X-TC-Token": "TOKEN"}


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"host": "127.0.0.1:8080"},
        {"path": "/v3"},
        {"query": "a=1"},
        {"content_type": "application/json; charset=utf-8"},
        {"body": b"{}"},
        {"access_key": AccessKey(TENCENT_KEY.key_id, "other")},
        {"service": "lkeap"},
        {"timestamp": 1795348801},
    ],
)
def test_tc3_depends_on_every_part(change):
    assert signature_of(sign_tencent(**change)) != signature_of(sign_tencent())


def test_tc3_takes_the_day_in_utc_and_whole_seconds():
    last = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC).timestamp()
    assert "/2026-11-22/" in sign_tencent(timestamp=last)["Authorization"]
    assert "/2026-11-23/" in sign_tencent(timestamp=last + 1)["Authorization"]
    assert sign_tencent(timestamp=last + 0.999) == sign_tencent(timestamp=last)


@pytest.mark.parametrize("change", [{"host": "a\nb"}, {"content_type": "a\r\nX: 1"}, {"service": "x\n"}, {"host": ""}])
def test_tc3_refuses_line_breaks(change):
    with pytest.raises(ConfigError):
        sign_tencent(**change)


# --- Zhipu's token


def test_zhipu_vector():
    assert zhipu_token(ZHIPU_KEY, 1795348800000) == (
        "eyJhbGciOiJIUzI1NiIsInNpZ25fdHlwZSI6IlNJR04iLCJ0eXAiOiJKV1QifQ."
        "eyJhcGlfa2V5IjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYiLCJleHAiOjE3OTUzNDkwMTAwMDAsInRpbWVzdGFtcCI6MTc5NTM0"
        "ODgwMDAwMH0."
        "-xyanl3h74F_aRv-giEwaYRTf9qHrEJ3VqjObe8mmlU"
    )


def unpack(segment):
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


@needs_oracle
@pytest.mark.parametrize("name", ["zai-jwt.json", "zhipuai-jwt.json"])
def test_zhipu_equals_the_vendor_sdk(name):
    capture = json.loads((ORACLE / name).read_text(encoding="utf-8"))
    token = capture["requests"][0]["headers"]["authorization"].removeprefix("Bearer ")
    claims = json.loads(unpack(token.split(".")[1]))
    assert zhipu_token(f"{claims['api_key']}.SECRETSECRETSECR", claims["timestamp"]) == token


@given(st.text("abc0", min_size=1), st.text("xyz9", min_size=1), st.integers(0, 2**45))
@settings(deadline=None)
def test_zhipu_token_says_what_it_was_given_and_its_signature_holds(key_id, secret, now_ms):
    header, payload, signature = zhipu_token(f"{key_id}.{secret}", now_ms).split(".")
    assert json.loads(unpack(header)) == {"alg": "HS256", "sign_type": "SIGN", "typ": "JWT"}
    assert json.loads(unpack(payload)) == {"api_key": key_id, "exp": now_ms + 210_000, "timestamp": now_ms}
    assert hmac.digest(secret.encode(), f"{header}.{payload}".encode(), "sha256") == unpack(signature)


@pytest.mark.parametrize(
    "key", ["", ".", "a.", ".b", "nodot", "topsecret.b.c", "topsecret.b\n", " topsecret.b", "a. b", "topsecret.\udc80"]
)
def test_zhipu_refuses_other_keys_without_showing_them(key):
    with pytest.raises(ConfigError, match=r"id\.secret") as caught:
        zhipu_token(key, 0)
    assert "topsecret" not in repr(caught.value)


# --- keys


@pytest.mark.parametrize("key_id", ["", "AKID\n", "AK\r\nX: 1", "AKID\x7f", "密钥", "AK\x00"])
def test_access_key_refuses_what_a_header_cannot_carry(key_id):
    with pytest.raises(ConfigError, match="access key id"):
        AccessKey(key_id, "secret")


@pytest.mark.parametrize("secret", ["", "topsecret\n", "topsecret\udc80"])
def test_access_key_refuses_secrets_that_were_pasted_wrongly_without_showing_them(secret):
    with pytest.raises(ConfigError, match="secret access key") as caught:
        AccessKey("AKID", secret)
    assert "topsecret" not in repr(caught.value)


@pytest.mark.parametrize("token", ["tok\n", "tok\r\nX: 1", "tök"])
def test_access_key_refuses_such_tokens_without_showing_them(token):
    with pytest.raises(ConfigError, match="session token") as caught:
        AccessKey("AKID", "secret", token)
    assert "tok" not in str(caught.value).replace("token", "")


def test_an_empty_token_counts_as_none():
    assert sign_aws(access_key=AccessKey("AKIDEXAMPLE", AWS_SECRET, "")) == sign_aws()
    assert sign_tencent(access_key=AccessKey(TENCENT_KEY.key_id, TENCENT_KEY.secret, "")) == sign_tencent()


def test_access_key_shows_nothing_and_can_be_pickled():
    key = AccessKey("AKIDEXAMPLE", AWS_SECRET, "TOKENEXAMPLE")
    assert repr(key) == "AccessKey()"
    assert pickle.loads(pickle.dumps(key)) == key


@given(st.text())
@settings(deadline=None)
def test_header_text_is_printable_ascii(text):
    printable = text.isascii() and text.replace("\t", " ").isprintable() and text != ""
    if printable:
        require_header_text("value", text)
    else:
        with pytest.raises(ConfigError, match="The value"):
            require_header_text("value", text)
