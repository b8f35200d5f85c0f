"""The class that own_types.cpp has as a C++ struct."""
from dataclasses import dataclass
from datetime import datetime


@dataclass
class Order:
    id: int
    items: list
    placed: datetime
