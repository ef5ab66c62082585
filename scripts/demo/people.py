"""The people of the story, their roles and their teams, as policies have them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone with an account: `id` is the account's number, `job` what the story calls them."""

    login: str
    id: int
    job: str

    @property
    def email(self) -> str:
        """The address in commits."""
        return f"{self.login}@example.com"


ADA = Person(login="ada", id=101, job="ML engineer")
BEN = Person(login="ben", id=102, job="ML engineer")
LENA = Person(login="lena", id=103, job="leads oncology-ml")
MAX = Person(login="max", id=104, job="leads metabolic-ml")
PAT = Person(login="pat", id=105, job="Platform")
QUINN = Person(login="quinn", id=106, job="Platform")
EVERYBODY = (ADA, BEN, LENA, MAX, PAT, QUINN)

TEAMS = {"ml-team": (ADA, BEN), "ml-leads": (LENA, MAX), "platform": (PAT, QUINN)}
"""The teams of the organisation on the forge."""

MEMBERS = {"platform": "pat,quinn", "ml-team": "ada,ben"}
LEADS = """\
    members_by_owner:
      oncology-ml: [lena]
      metabolic-ml: [max]
"""
OWNERS = {
    "oncology-ml": "oncology-ml@example.com",
    "metabolic-ml": "metabolic-ml@example.com",
}
"""The teams that own models, with their contacts."""
