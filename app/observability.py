"""What an operator sees: a request id, one log line and two metrics for each request, traces where they are wanted.

Nothing here holds a body, a query string, a header or a secret.
"""

from __future__ import annotations

import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO
from uuid import uuid4

import structlog
from fastapi.telemetry import TelemetryConfig
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem, problem_response
from app.settings import Settings

__all__ = ["Metrics", "Observed", "configure_logging", "redact_secrets", "telemetry", "tell_exception"]

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,128}")
SECRET_KEY: Final = re.compile(
    r"password|passwd|token|secret|authorization|cookie|api[_-]?key|credential", re.IGNORECASE
)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CHAIN: Final = 5
FRAMES: Final = 30
HIDDEN: Final = "[redacted]"
UNWATCHED: Final = frozenset({"/health/live", "/health/ready", "/metrics"})

log = structlog.get_logger("acetate.service")


class Metrics:
    """Counters of one application: two in one process do not mix. A room adds its own to `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("http_requests", "Requests answered", labels, registry=self.registry)
        self._seconds = Histogram(
            "http_request_seconds", "Time to the last byte of the answer", labels[:2], registry=self.registry
        )
        self._open = Gauge("http_requests_open", "Requests being answered", registry=self.registry)

    def began(self) -> None:
        self._open.inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        self._open.dec()
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)


class Observed:
    """The outermost middleware: what goes wrong inside it is logged here and answered with 500 and a request id."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0
        began = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        self.metrics.began()
        try:
            await self.app(scope, receive, sending)
        except Exception:
            log.exception("unforeseen", route=_route(scope), method=_method(scope))
            if status:
                raise
            problem = Problem("internal-error", "Something went wrong here. The log knows the request id.", status=500)
            await problem_response(problem, request_id)(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - began
            self.metrics.ended(_method(scope), _route(scope), status, seconds)
            _log_request(scope, status, seconds)


def _request_id(scope: Scope) -> str:
    """The caller's own, where it can be written into a log and a header without harm."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex


def _route(scope: Scope) -> str:
    """The path as it was declared, so that there are as many as there are routes."""
    return getattr(scope.get("route"), "path", None) or "unmatched"


def _method(scope: Scope) -> str:
    method = scope["method"]
    return method if method in METHODS else "OTHER"


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    route = _route(scope)
    if route not in UNWATCHED:
        log.info(
            "request",
            method=_method(scope),
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            user=scope["state"].get("user"),
        )


def redact_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Whatever is called a secret does not reach a log, at whatever depth."""
    return {key: HIDDEN if SECRET_KEY.search(key) else _redacted(value) for key, value in event.items()}


def _redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: HIDDEN if SECRET_KEY.search(str(key)) else _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return value


def tell_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Where it happened and what it was. Of what it says only the first line: the others of a database's error are the
    row."""
    info = event.pop("exc_info", None)
    if info:
        error: BaseException | None = info[1] if isinstance(info, tuple) else sys.exception()
        chain: list[dict[str, Any]] = []
        while error is not None and len(chain) < CHAIN:
            chain.append(_told(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        event["exception"] = chain
    return event


def _told(error: BaseException) -> dict[str, Any]:
    said = str(error).splitlines() or [""]
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "says": said[0][:200],
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-FRAMES:]],
    }


def configure_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """JSON lines on standard error (or another stream), our own and those of the libraries."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact_secrets,
        tell_exception,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


def telemetry(settings: Settings) -> tuple[TelemetryConfig, TracerProvider | None]:
    """FastAPI's own telemetry: spans where an endpoint is configured, and never its logs, which repeat what exceptions
    say. The provider is to be shut down with the application."""
    off = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
    if settings.otlp_endpoint is None:
        return off, None
    provider = TracerProvider(resource=Resource.create({"service.name": "acetate"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
    config = TelemetryConfig(
        tracing=True,
        metrics=False,
        logs=False,
        operation_spans=False,
        auto_configure=False,
        tracer_provider=provider,
        exclude=lambda scope: scope.get("path") in UNWATCHED,
    )
    return config, provider
