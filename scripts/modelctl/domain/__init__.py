"""The vocabulary and the rules: frozen values and pure functions, no I/O."""
