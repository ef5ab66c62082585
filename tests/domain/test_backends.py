"""What the objects of a version are called, by target."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelctl.domain.backends import backend_name, service_of, slug
from modelctl.domain.version_names import version_slug
from modelctl.errors import ModelctlError
from support.renders import parts, request


@pytest.mark.parametrize(
    ("target", "mode", "services"),
    [
        ("gateway-api", "standard", ("m-a-v1-0-0", "m-a-v1-1-0", "m-a-b1-0-0")),
        (
            "kserve",
            "standard",
            ("m-a-v1-0-0-predictor", "m-a-v1-1-0-predictor", "m-a-b1-0-0-predictor"),
        ),
        ("kserve", "knative", ("m-a-predictor",) * 3),
        ("argo-rollouts", "standard", ("m-a-stable", "m-a-canary", "m-a-stable")),
    ],
)
def test_each_target_has_its_services(target: str, mode: str, services: tuple[str, ...]) -> None:
    asked = request(model="m-a", target=target, mode=mode, version="1.1.0")
    split = parts(asked, 50, 25, 25)
    assert tuple(service_of(asked, backend) for backend in split) == services


def test_the_longest_name_is_one_that_a_service_may_have() -> None:
    asked = request(model=f"a-{'b' * 60}", target="kserve", version="10.12.3")
    (backend,) = asked.split
    assert slug(asked, backend) == "v10-12-3"
    assert len(backend_name(asked, backend)) <= 63
    assert len(service_of(asked, backend)) == 63


def test_a_version_has_as_much_of_a_hash_as_its_model_leaves_room_for() -> None:
    """Two of these have one hash of 28 bits, which takes a second to find."""
    one, other = "1.2.0-r27284", "1.2.0-r47868"
    assert version_slug("m-a", one) != version_slug("m-a", other)
    assert len(version_slug("m-a", one)) == 17
    assert version_slug("a" * 44, one) == version_slug("a" * 44, other)
    for length in range(3, 45):
        assert len(f"{'a' * length}-{version_slug('a' * length, one)}-predictor") <= 63


@pytest.mark.parametrize("target", ["gateway-api", "kserve", "argo-rollouts"])
def test_two_versions_of_one_name_never_share_the_traffic(target: str) -> None:
    one = request(model=f"a-{'b' * 42}", target=target, version="1.2.0-r27284")
    stable = one.split[0]
    canary = replace(stable, name="canary", version="1.2.0-r47868", digest="d" * 64, weight=5)
    with pytest.raises(ModelctlError, match=r"1\.2\.0-r27284 and 1\.2\.0-r47868 would both be"):
        replace(one, backends=(replace(stable, weight=95), canary))
    fresh = replace(stable, name="baseline", weight=5)
    assert replace(one, backends=(replace(stable, weight=95), fresh)).backends
