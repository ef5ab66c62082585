"""The benchmarks: modelctl against its peers, and against itself at another size.

Every repository is generated, always the same, and every ratio is measured in one run: the two
sides take turns on the same machine, and the median of their ratios is what counts.
"""
