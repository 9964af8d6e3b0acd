"""Every table. Importing this package fills `Base.metadata`, which migrations and tests compare with the database."""

from storage.tables.base import Base, table
from storage.tables.campaigns import Campaign, Click, ShortLink, Target
from storage.tables.catalogue import Article, ImportRun, Product, Staged, Variant
from storage.tables.forgetting import Forgetting, Tombstone, TrainingExport
from storage.tables.models import Model
from storage.tables.moderating import Guard, ModerationAction, Sanction
from storage.tables.people import Chat, Identity, Link, Member, Shop
from storage.tables.posting import Change, Draft
from storage.tables.processes import Lease, Process
from storage.tables.running import Audit, Reservation, Run, Schedule, Setting, Watched
from storage.tables.suggesting import SuggestionLog
from storage.tables.talk import Handoff, Inbox, Interaction, Outbox
from storage.tables.teaching import Alias, Lesson, Question, Rating
from storage.tables.traits import Purchase, Segment, Trait

__all__ = [
    "Alias",
    "Article",
    "Audit",
    "Base",
    "Campaign",
    "Change",
    "Chat",
    "Click",
    "Draft",
    "Forgetting",
    "Guard",
    "Handoff",
    "Identity",
    "ImportRun",
    "Inbox",
    "Interaction",
    "Lease",
    "Lesson",
    "Link",
    "Member",
    "Model",
    "ModerationAction",
    "Outbox",
    "Process",
    "Product",
    "Purchase",
    "Question",
    "Rating",
    "Reservation",
    "Run",
    "Sanction",
    "Schedule",
    "Segment",
    "Setting",
    "Shop",
    "ShortLink",
    "Staged",
    "SuggestionLog",
    "Target",
    "Tombstone",
    "TrainingExport",
    "Trait",
    "Variant",
    "Watched",
    "table",
]
