"""What the C++ node of own_types.cpp knows as a struct."""
from dataclasses import dataclass
from datetime import datetime


@dataclass
class Order:
    id: int
    items: list
    placed: datetime
