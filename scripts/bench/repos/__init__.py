"""The repositories that are measured: generated, always the same to the byte, and kept."""
