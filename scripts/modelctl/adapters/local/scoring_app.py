"""MLflow's scoring server, which also keeps its predictions while two versions are compared.

Run by uvicorn in the process of one backend. Where nobody wants predictions, each request passes
straight through.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

from modelctl.adapters.local.processes import FOLDER_VARIABLE
from modelctl.adapters.prediction_log import MAX_BODY, Exchange, Recorder

APP: Final = "modelctl.adapters.local.scoring_app:make"
PATH_VARIABLE: Final = "__pyfunc_model_path__"
"""MLflow's own name for where the model is."""

MODEL_VARIABLE: Final = "MODELCTL_LOCAL_MODEL"
VERSION_VARIABLE: Final = "MODELCTL_LOCAL_VERSION"
SERVICE_VARIABLE: Final = "MODELCTL_LOCAL_SERVICE"
LOG_VARIABLE: Final = "MODELCTL_PREDICTION_LOG"
"""`on` keeps predictions always, `off` never; otherwise while versions are compared."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PATH: Final = "/invocations"
_LOG: Final = logging.getLogger("uvicorn.error")
_ALWAYS: Final = {"on": True, "off": False}


def make() -> App:
    """The application of this process, whose model is loaded here."""
    from mlflow.pyfunc import scoring_server

    mlflows: Any = scoring_server
    model = Answerable(mlflows.load_model_with_mlflow_config(os.environ[PATH_VARIABLE]))
    app = mlflows.init(model)
    recorder = Recorder(
        Path(os.environ[FOLDER_VARIABLE]),
        model=os.environ[MODEL_VARIABLE],
        version=os.environ[VERSION_VARIABLE],
        service=os.environ[SERVICE_VARIABLE],
        always=_ALWAYS.get(os.environ.get(LOG_VARIABLE, "")),
    )
    return recording(app, recorder)


class Answerable:
    """A model whose own exceptions are the server's fault: a request that fitted the schema is a
    good one. MLflow's server blames the caller for them, and errors of the caller's are no reason
    to take a version back."""

    def __init__(self, model: Any):
        self._model = model
        self.metadata = model.metadata

    def predict(self, data: Any, params: Any = None) -> Any:
        """What the model says.

        Raises:
            MlflowException: answered with 400 for data that doesn't fit the schema, with 500 for
                what goes wrong in the model. Its text tells the caller nothing of the data.
        """
        from mlflow.exceptions import MlflowException

        try:
            return self._model.predict(data, params=params)
        except MlflowException:
            raise
        except Exception as error:
            kind = type(error).__name__
            _LOG.error("the model failed: %s: %s", kind, error)
            raise MlflowException(f"the model failed on this request: {kind}") from error


def recording(app: App, recorder: Recorder) -> App:
    """`app`, with its predictions offered to `recorder`."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if not _predicts(scope) or not recorder.on():
            await app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        await app(scope, exchange.receive, exchange.send)
        if exchange.complete:
            recorder.offer(
                Exchange(
                    at=time.time(),
                    id=_request_id(scope),
                    body=bytes(exchange.body),
                    answer=bytes(exchange.answer),
                )
            )

    return answer


class _Exchange:
    """One request and its answer, copied as they pass by."""

    def __init__(self, receive: Receive, send: Send):
        self._receive, self._send = receive, send
        self._status = 0
        self.body, self.answer = bytearray(), bytearray()

    async def receive(self) -> Message:
        message = await self._receive()
        _add(self.body, message)
        return message

    async def send(self, message: Message) -> None:
        # The caller has it before anything is done with the copy.
        await self._send(message)
        self._status = message.get("status", self._status)
        _add(self.answer, message)

    @property
    def complete(self) -> bool:
        """Whether it is a prediction, and small enough to be kept."""
        return self._status == 200 and max(len(self.body), len(self.answer)) <= MAX_BODY


def _add(copy: bytearray, message: Message) -> None:
    if len(copy) <= MAX_BODY:
        copy += message.get("body", b"")


def _predicts(scope: Scope) -> bool:
    return scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", _PATH)


def _request_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return str(value.decode("latin-1"))[:200] or None
    return None
