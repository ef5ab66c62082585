"""What was written down is read back; half of a file is never seen."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelctl.adapters.local.processes import ProcessId
from modelctl.adapters.local.registry import Registry, RouterRecord, ServerRecord
from modelctl.domain.serving import Server
from modelctl.errors import ConflictError, ModelctlError


def record(name: str, minute: int = 0, *, ready: bool = False) -> ServerRecord:
    return ServerRecord(
        server=Server(
            id=name, model="churn-predictor", version="1.0.0", digest="a" * 64, port=4711
        ),
        process=ProcessId(pid=12345, created=1763632800.25),
        started_at=datetime(2026, 11, 20, 10, minute, tzinfo=UTC),
        ready=ready,
    )


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "dev")


def test_servers_are_read_back_the_oldest_first(registry: Registry) -> None:
    second, first = record("a", 2), record("b", 1)
    registry.save(second)
    registry.save(first)
    assert registry.servers() == (first, second)
    registry.save(record("a", 2, ready=True))
    assert registry.servers() == (first, record("a", 2, ready=True))
    registry.forget(first)
    registry.forget(first)
    assert registry.servers() == (record("a", 2, ready=True),)


def test_the_router_is_read_back_until_it_is_forgotten(registry: Registry) -> None:
    assert registry.router() is None
    router = RouterRecord(id="r", process=record("a").process, port=8100, api_port=8101)
    registry.save_router(router)
    registry.write(registry.routes, "http: {}\n")
    assert registry.router() == router
    registry.forget_router()
    assert registry.router() is None
    assert not registry.routes.exists()


def test_the_routers_folder_never_holds_a_draft(registry: Registry) -> None:
    registry.write(registry.routes, "http: {}\n")
    before = registry.routes.stat().st_ino
    registry.write(registry.routes, "http: {routers: {}}\n")
    assert registry.routes.stat().st_ino != before
    assert [path.name for path in registry.routes.parent.iterdir()] == ["routes.yaml"]


def test_a_record_changed_by_hand_is_named(registry: Registry) -> None:
    registry.save(record("a"))
    (path,) = registry.folder.glob("processes/*.json")
    path.write_text('{"server": ')
    with pytest.raises(ModelctlError, match=r"a\.json: this is not a process record"):
        registry.servers()


def test_the_lock_keeps_others_out_until_it_is_released(registry: Registry) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with registry.lock(1):
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    with pytest.raises(ConflictError, match="changing dev for 0 s"), registry.lock(0):
        pass
    threading.Timer(0.2, release.set).start()
    with registry.lock(10):
        assert release.is_set()
    holder.join()
