"""Conversations and their messages: listed, searched, renamed, deleted."""
