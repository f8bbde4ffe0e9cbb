"""AI Companion v2: chat with a persona, with memory, plugins and every device of a user in step.

It stands on a chat model that it reaches over a base URL and a key, and knows nothing else of who answers there.
"""
