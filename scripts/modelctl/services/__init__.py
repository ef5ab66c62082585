"""What several commands do: open a repository, read candidates, judge, deploy.

It wires adapters to the domain and the gates, and returns values; it prints nothing. The design
lets commands wire; what two of them need stands here once.
"""
