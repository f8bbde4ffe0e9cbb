"""Until when somebody answers a question: of every question, and no longer of those alone that have a key."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0004_pending_until"
down_revision = "0003_companion"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
PENDING = sa.text("pending_until IS NOT NULL")
TAKEN = "SELECT taken_until FROM chat_keys WHERE chat_keys.message_id = messages.id"
LEFT = "SELECT pending_until FROM messages WHERE messages.id = chat_keys.message_id"


def upgrade() -> None:
    """Questions without a key are overdue at once: a reply that comes all the same is kept."""
    op.add_column("messages", sa.Column("pending_until", TIME, nullable=True))
    op.execute(f"UPDATE messages SET pending_until = COALESCE(({TAKEN}), created_at) WHERE status = 'pending'")
    op.create_index(
        "ix_messages_pending_until", "messages", ["pending_until"], sqlite_where=PENDING, postgresql_where=PENDING
    )
    op.drop_column("chat_keys", "taken_until")


def downgrade() -> None:
    op.add_column("chat_keys", sa.Column("taken_until", TIME, nullable=True))
    op.execute(f"UPDATE chat_keys SET taken_until = ({LEFT})")
    op.drop_index("ix_messages_pending_until", "messages")
    op.drop_column("messages", "pending_until")
