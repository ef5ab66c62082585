"""Examines an installation, check by check. One that fails hides only those that rest on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from modelctl.domain.diagnosis import Health, Row
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services import doctor_github, doctor_local
from modelctl.services.patient import Patient, UnaskedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What says what it found, or raises what is wrong; and the checks that it rests on."""

    look: Callable[[Patient], str]
    needs: tuple[str, ...] = ()


def examine(patient: Patient) -> Iterator[Row]:
    """Every check, one after another. What rests on one that failed isn't looked at: the same cause
    is told once."""
    failed: set[str] = set()
    for name, check in CHECKS.items():
        lacking = next((need for need in check.needs if need in failed), None)
        if lacking is not None:
            row = Row(check=name, health=Health.SKIPPED, message=f"needs {lacking}")
        else:
            row = _row(name, check.look, patient)
        if lacking is not None or row.health in (Health.ILL, Health.UNKNOWN):
            failed.add(name)
        yield row


def _row(name: str, check: Callable[[Patient], str], patient: Patient) -> Row:
    try:
        return Row(check=name, health=Health.WELL, message=check(patient))
    except UnaskedError as error:
        health = Health.SKIPPED
        return Row(check=name, health=health, message=error.message, mend=error.mend)
    except ModelctlError as error:
        health = Health.UNKNOWN if isinstance(error, DependencyError) else Health.ILL
        place = f"{error.location}: " if error.location else ""
        return Row(check=name, health=health, message=place + error.message, mend=error.mend)


CHECKS: Mapping[str, Check] = {
    "git": Check(look=doctor_local.git),
    "policies": Check(look=doctor_local.policies, needs=("git",)),
    "settings": Check(look=doctor_local.settings, needs=("policies",)),
    "apps": Check(look=doctor_local.apps, needs=("settings",)),
    "roles": Check(look=doctor_local.roles, needs=("settings",)),
    "keys": Check(look=doctor_local.keys, needs=("settings",)),
    "branches": Check(look=doctor_local.branches, needs=("policies",)),
    "generated files": Check(look=doctor_local.generated, needs=("settings",)),
    "history": Check(look=doctor_local.history, needs=("policies",)),
    "kustomize": Check(look=doctor_local.kustomize),
    "mlflow": Check(look=doctor_local.registry),
    "figures": Check(look=doctor_local.figures, needs=("policies",)),
    "github": Check(look=doctor_github.reach, needs=("settings",)),
    "app": Check(look=doctor_github.app, needs=("github",)),
    "code owners": Check(look=doctor_github.theirs, needs=("github",)),
    "in force": Check(look=doctor_github.in_force, needs=("github",)),
}
"""Each check by its name, after those that it rests on."""
