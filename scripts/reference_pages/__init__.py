"""The pages of docs/reference/, each as text."""
