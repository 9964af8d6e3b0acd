"""Every table. Importing this package fills `Base.metadata`, which migrations and tests compare with the database."""

from storage.tables.base import Base, table
from storage.tables.catalogue import Article, ImportRun, Product, Staged, Variant
from storage.tables.models import Model
from storage.tables.people import Chat, Identity, Link, Member, Shop
from storage.tables.running import Audit, Reservation, Run, Schedule, Setting
from storage.tables.suggesting import SuggestionLog
from storage.tables.talk import Handoff, Inbox, Interaction, Outbox
from storage.tables.teaching import Alias, Lesson, Question, Rating

__all__ = [
    "Alias",
    "Article",
    "Audit",
    "Base",
    "Chat",
    "Handoff",
    "Identity",
    "ImportRun",
    "Inbox",
    "Interaction",
    "Lesson",
    "Link",
    "Member",
    "Model",
    "Outbox",
    "Product",
    "Question",
    "Rating",
    "Reservation",
    "Run",
    "Schedule",
    "Setting",
    "Shop",
    "Staged",
    "SuggestionLog",
    "Variant",
    "table",
]
