"""The class that own_types.cpp has as a struct. A module of call_own_types.py."""
from dataclasses import dataclass
from datetime import datetime


@dataclass
class Order:
    id: int
    items: list
    placed: datetime
