"""Values as GitHub's JSON: accounts, repositories, teams, apps, labels."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from forge.state import State
from forge.values import App, Label, Repository, Team, User, iso

Json = dict[str, Any]


def node(kind: str, identity: int) -> str:
    """A node id: opaque to everybody but GitHub."""
    return base64.b64encode(f"{len(kind):03}:{kind}{identity}".encode()).decode()


def account(state: State, login: str) -> Json:
    """A user as others see them (GitHub's `simple-user`)."""
    user = state.user(login)
    url = f"{state.api_url}/users/{quote(user.login)}"  # a bot's has brackets
    return {
        "login": user.login,
        "id": user.id,
        "node_id": node(user.kind, user.id),
        "avatar_url": f"{state.web_url}/avatars/{user.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{state.web_url}/{quote(user.login)}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": user.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def full_account(state: State, user: User) -> Json:
    """A user with what they tell of themselves (GitHub's `public-user`)."""
    return account(state, user.login) | {
        "name": user.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": user.email,
        "hireable": None,
        "bio": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": iso(user.created_at),
        "updated_at": iso(user.created_at),
    }


_REPOSITORY_URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def repository_url(state: State, repository: Repository) -> str:
    """Its address in the API."""
    return f"{state.api_url}/repos/{repository.full_name}"


def repository(state: State, it: Repository) -> Json:
    """A repository (GitHub's `repository`), with the counts that a full one has as well."""
    url, html = repository_url(state, it), f"{state.web_url}/{it.full_name}"
    open_issues = sum(issue.state == "open" for issue in list(it.issues.values()))
    return {
        "id": it.id,
        "node_id": node("Repository", it.id),
        "name": it.name,
        "full_name": it.full_name,
        "private": it.private,
        "visibility": "private" if it.private else "public",
        "owner": account(state, it.owner),
        "html_url": html,
        "description": it.description,
        "fork": it.fork_of is not None,
        "url": url,
        **{name: url + tail for name, tail in _REPOSITORY_URLS.items()},
        "clone_url": f"{html}.git",
        "git_url": f"git:{html.partition(':')[2]}.git",
        "ssh_url": f"git@127.0.0.1:{it.full_name}.git",
        "svn_url": html,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "default_branch": it.default_branch,
        "topics": [],
        "size": 0,
        "is_template": False,
        "archived": False,
        "disabled": False,
        "web_commit_signoff_required": False,
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        **dict.fromkeys(("has_pages", "has_discussions"), False),
        "allow_forking": True,
        **dict.fromkeys(("forks", "forks_count", "watchers", "watchers_count"), 0),
        "stargazers_count": 0,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "created_at": iso(it.created_at),
        "updated_at": iso(it.pushed_at),
        "pushed_at": iso(it.pushed_at),
    }


def full_repository(state: State, it: Repository, role: str | None) -> Json:
    """A repository as asked for by itself; `role` is what the one who asks may do there."""
    return repository(state, it) | {
        "network_count": 0,
        "subscribers_count": 0,
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": True,
        "allow_auto_merge": False,
        "delete_branch_on_merge": False,
        "permissions": permissions(role),
        **it.settings.get("repository", {}),
    }


def permissions(role: str | None) -> dict[str, bool]:
    """A role as the API spells it out."""
    order = [None, "read", "triage", "write", "maintain", "admin"]
    held = order.index(role)
    return {
        "admin": held >= 5,
        "maintain": held >= 4,
        "push": held >= 3,
        "triage": held >= 2,
        "pull": held >= 1,
    }


def team(state: State, it: Team, permission: str = "pull") -> Json:
    """A team of an organisation."""
    org = state.user(it.org)
    url = f"{state.api_url}/orgs/{org.login}/teams/{it.slug}"
    parent = None if it.parent is None else state.team(it.org, it.parent)
    return {
        "id": it.id,
        "node_id": node("Team", it.id),
        "url": url,
        "html_url": f"{state.web_url}/orgs/{org.login}/teams/{it.slug}",
        "name": it.name,
        "slug": it.slug,
        "description": it.description,
        "privacy": it.privacy,
        "notification_setting": "notifications_enabled",
        "permission": permission,
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "type": "organization",
        "organization_id": org.id,
        "parent": None if parent is None else _simple_team(state, parent),
    }


def _simple_team(state: State, it: Team) -> Json:
    shown = team(state, it)
    del shown["parent"]
    return shown


def app(state: State, it: App) -> Json:
    """An app (GitHub's `integration`)."""
    return {
        "id": it.id,
        "slug": it.slug,
        "node_id": node("Integration", it.id),
        "client_id": f"Iv1.{it.id:016x}",
        "owner": account(state, it.owner),
        "name": it.slug,
        "description": None,
        "external_url": f"{state.web_url}/apps/{it.slug}",
        "html_url": f"{state.web_url}/apps/{it.slug}",
        "created_at": iso(it.created_at),
        "updated_at": iso(it.created_at),
        "permissions": it.permissions,
        "events": it.events,
    }


def label(state: State, it: Repository, one: Label) -> Json:
    """A label."""
    return {
        "id": one.id,
        "node_id": node("Label", one.id),
        "url": f"{repository_url(state, it)}/labels/{one.name.replace(' ', '%20')}",
        "name": one.name,
        "color": one.color,
        "default": False,
        "description": one.description,
    }
