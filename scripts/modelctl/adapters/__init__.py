"""One module for each external system: returns our types, raises our errors."""
