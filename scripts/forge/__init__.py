"""A small stand-in for GitHub, for the demo, the tests and the bench.

It serves the part of GitHub's REST API that modelctl calls, git over HTTP, and pages to look at:
pull requests, reviews, teams, apps and their tokens, check runs, statuses, rulesets enforced for
merges and pushes, deployments, issues, events. Names, status codes and error bodies are GitHub's:
modelctl runs against it by the same code as against GitHub, with another address.

It is not a place to keep anything: state lives in memory and in bare repositories under one
folder, it listens on 127.0.0.1 only, has no passwords and no quotas, and sends no mail. It has no
GraphQL, no review threads, no merge queue, no Actions runner and no search. What a real
installation should do, learn from GitHub's documentation, not from here.
"""
